"""`kto annotate` against the real server: what it prints, what it leaves in files, and that it never doubles."""

import json
import shutil
import signal
import subprocess
from collections import Counter

import pyarrow.parquet as pq
import pytest

pytestmark = pytest.mark.slow


@pytest.fixture
def studio_env(studio_server):
    return {"LABEL_STUDIO_URL": studio_server.url, "LABEL_STUDIO_API_KEY": studio_server.account.token}


@pytest.fixture(scope="module")
def finished(make_kto, tmp_path_factory):
    """A finished run of 3,000 rows."""
    kto = make_kto(tmp_path_factory.mktemp("finished"))
    kto.records(3000)
    assert kto("run", kto.pipeline()).returncode == 0
    return kto.folder


@pytest.fixture
def run(kto, title, studio_env, finished):
    """`kto annotate` on a finished run."""
    shutil.copytree(finished, kto.folder, symlinks=True, dirs_exist_ok=True)

    def annotate(command, *arguments, **environment):
        named = ["--project", title] if command == "push" else []
        return kto("annotate", command, "runs/mine", *named, *arguments, **(studio_env | environment))

    return annotate


def test_push_annotate_pull_and_status_as_a_user_does(kto, run, studio_server, title):
    done = run("push", "--budget", 10, "--seed", 3)
    assert done.returncode == 0, done.stderr
    assert "10 items sent" in done.stdout
    assert f"/projects/{studio_server.project_number(title)}" in done.stdout
    tasks = studio_server.tasks(title)
    assert len(tasks) == 10
    assert set(tasks[0]["data"]) == {"external_id", "messages", "completion"}  # nothing that could bias
    studio_server.annotate(tasks[0]["id"], "desirable")
    studio_server.annotate(tasks[1]["id"], None)

    pulled = json.loads(run("pull", "--json").stdout)
    assert (pulled["n_new"], pulled["n_votes"], pulled["n_outstanding"]) == (2, 2, 18)
    assert json.loads(run("pull", "--json").stdout)["n_votes"] == 0
    # the run's pipeline has no annotators, so it is told how their votes come to count
    [note] = pulled["notes"]
    assert f"humans: {{label_studio: {{project: {title}}}, overlap: 2, budget: 10}}" in note
    [block] = [
        path
        for path in (kto.run_folder / "votes").glob("votes-*.parquet")
        if "human" in str(pq.read_table(path)["labeler"])
    ]
    votes = pq.read_table(block).to_pylist()
    assert {vote["labeler"] for vote in votes} == {f"human:{studio_server.account.email}"}
    assert sorted(vote["vote"] for vote in votes) == [0, 1]
    assert all(0 < vote["p_selected"] <= 1 for vote in votes)

    shown = run("status")
    assert "0 of 10 items are done (2 answers each); 18 answers are outstanding" in shown.stdout
    status = json.loads(run("status", "--json").stdout)
    assert [one["n_skipped"] for one in status["annotators"]] == [1]


def test_a_list_of_likely_wrong_labels_is_asked_about_first(kto, finished):
    shutil.copytree(finished, kto.folder, symlinks=True, dirs_exist_ok=True)
    rows = pq.read_table(next((kto.run_folder / "dataset").glob("train-*.parquet")))
    queue = rows.slice(3, 4).select(["sample_id", "row_id", "label"])
    pq.write_table(queue, kto.folder / "saturation.parquet")
    wish = ("--from", "saturation.parquet", "--budget", 5, "--gold-share", 0)
    done = kto("annotate", "export", "runs/mine", "-o", "batch.csv", *wish)
    assert done.returncode == 0, done.stderr
    sent = (kto.folder / "batch.csv").read_text()
    assert all(sample in sent for sample in queue["sample_id"].to_pylist())
    both = kto("annotate", "export", "runs/mine", "-o", "b.csv", *wish, "--strategy", "random")
    assert (both.returncode, "--from is a strategy of its own" in both.stderr) == (2, True)
    absent = kto("annotate", "export", "runs/mine", "-o", "b.csv", "--from", "absent.parquet")
    assert (absent.returncode, "absent.parquet: no Parquet file" in absent.stderr) == (2, True)


def test_pushing_again_sends_nothing_until_more_is_asked_for(run, studio_server, title):
    run("push", "--budget", 8)
    again = run("push", "--budget", 8)
    assert again.returncode == 0
    assert "0 items sent" in again.stdout
    assert "--more" in again.stderr
    assert len(studio_server.tasks(title)) == 8
    assert "8 items sent" in run("push", "--budget", 8, "--more").stdout
    ids = [task["data"]["external_id"] for task in studio_server.tasks(title)]
    assert len(ids) == len(set(ids)) == 16
    assert len({one.partition("-")[2] for one in ids}) == 16  # other samples than before


def test_a_push_that_is_killed_is_finished_by_the_next_one(
    kto, run, title, studio_env, studio_server, monkeypatch
):
    command = ["annotate", "push", "runs/mine", "--project", title, "--budget", 2500]
    for name, value in studio_env.items():
        monkeypatch.setenv(name, value)
    for seconds in (2.0, 4.0):
        kto.killed_after(seconds, *command)
    done = kto(*command, **studio_env)
    assert done.returncode == 0, done.stderr
    counts = Counter(task["data"]["external_id"] for task in studio_server.tasks(title))
    assert len(counts) == 2500
    assert set(counts.values()) == {1}


def test_gold_is_mixed_in_and_nobody_can_tell(kto, run, studio_server, title):
    labels = pq.read_table(next(kto.run_folder.glob("*_aggregate-*/labels.parquet"))).to_pylist()
    gold = kto.write(
        "gold.jsonl",
        "".join(json.dumps({"sample_id": one["sample_id"], "label": True}) + "\n" for one in labels[:5]),
    )
    done = run("push", "--budget", 10, "--gold", gold, "--gold-share", 0.3, "--json")
    assert json.loads(done.stdout)["n_gold"] == 3
    tasks = studio_server.tasks(title)
    known = {one["sample_id"] for one in labels[:5]}
    of_gold = [task for task in tasks if task["data"]["external_id"].partition("-")[2] in known]
    assert len(of_gold) == 3
    assert {frozenset(task["data"]) for task in of_gold} == {frozenset(task["data"]) for task in tasks}


def test_a_dataset_can_be_pushed_too(kto, run, title, studio_env, studio_server):
    done = kto("annotate", "push", "runs/mine/dataset", "--project", title, "--budget", 5, **studio_env)
    assert done.returncode == 0, done.stderr
    studio_server.annotate(studio_server.tasks(title)[0]["id"], "undesirable")
    pulled = json.loads(kto("annotate", "pull", "runs/mine/dataset", "--json", **studio_env).stdout)
    assert pulled["n_votes"] == 1
    assert (kto.run_folder / "dataset.annotation" / "votes").is_dir()
    refused = kto(
        "annotate", "push", "runs/mine/dataset", "--strategy", "disagreement", "--project", title, "--more", "--budget", 5,
        **studio_env,
    )  # fmt: skip
    assert refused.returncode == 2
    assert "name the run" in refused.stderr


def test_mistakes_are_messages_with_a_remedy(kto, run, studio_server):
    for arguments, environment, code, text in (
        (["push", "--budget", 5], {"LABEL_STUDIO_API_KEY": "wrong"}, 3, "refuses the token"),
        (["push", "--budget", 5], {"LABEL_STUDIO_API_KEY": ""}, 2, "set LABEL_STUDIO_API_KEY"),
        (["push", "--budget", 5], {"LABEL_STUDIO_URL": ""}, 2, "set LABEL_STUDIO_URL"),
        (
            ["push", "--budget", 5],
            {"LABEL_STUDIO_URL": "http://127.0.0.1:9"},
            3,
            "no Label Studio server answers",
        ),
        (["push", "--strategy", "mixd"], {}, 2, "did you mean 'mixed'?"),
        (["pull"], {}, 2, "begin with kto annotate push"),
        (["status"], {}, 2, "begin with kto annotate push"),
    ):
        done = run(*arguments, **environment)
        assert (done.returncode, text in done.stderr) == (code, True), done.stderr
    assert kto("annotate", "status", "nowhere").returncode == 2


def test_a_local_server_is_served_and_examined(kto, studio_seed, studio_server):
    data = kto.folder / "label-studio"
    shutil.copytree(studio_seed, data)  # its tables are made, and its account is the tests'
    account = studio_server.account
    known = {"email": account.email, "password": account.password, "token": account.token}
    (data / "account.json").write_text(json.dumps(known))
    serving = kto.start("annotate", "serve", "--data", data, "--port", "0", stdout=subprocess.PIPE)
    try:
        line = serving.stdout.readline()
        assert line.startswith("export LABEL_STUDIO_URL=http://127.0.0.1:")
        environment = dict(part.split("=", 1) for part in line.split()[1:])
        found = kto("doctor", "--json", **environment)
        assert found.returncode == 0, found.stderr
        levels = [one["level"] for one in json.loads(found.stdout)]
        assert "ok" in levels
        assert "problem" not in levels
    finally:
        serving.send_signal(signal.SIGINT)
        serving.communicate(timeout=60)
    refused = kto("annotate", "serve", "--data", data, KTO_CACHE=str(kto.folder / "nothing"))
    assert (refused.returncode, "--yes installs it" in refused.stderr) == (3, True)
    assert kto("doctor", **environment).returncode == 1  # nobody answers there any more


def humans(title, **more):
    return {"label_studio": {"url": "$LABEL_STUDIO_URL", "project": title}, "overlap": 1, "budget": 6} | more


def test_a_pipeline_sends_a_batch_ends_with_4_and_goes_on_when_it_is_answered(
    kto, title, studio_env, studio_server, monkeypatch
):
    kto.records(40)
    pipeline = kto.pipeline(label={"rules": ["rules.yaml"], "humans": humans(title)})
    first = kto("run", pipeline, **studio_env)
    assert first.returncode == 4
    assert "6 decisions of annotators are outstanding" in first.stderr
    tasks = studio_server.tasks(title)
    assert len(tasks) == 6
    for task in tasks[:5]:
        studio_server.annotate(task["id"], "undesirable")
    for name, value in studio_env.items():
        monkeypatch.setenv(name, value)
    with kto.start("run", pipeline, "--wait") as waiting:
        told = ""
        while "1 decisions of annotators are outstanding" not in told:
            line = waiting.stderr.readline()
            assert line, f"ended without waiting: {told}"
            told += line
        studio_server.annotate(tasks[5]["id"], None)
        assert waiting.wait(120) == 0
    done = kto("run", pipeline, "--json", **studio_env)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    [person] = [one for one in document["labelers"] if one["kind"] == "annotator"]
    assert (person["labeler"], person["n_undesirable"]) == (f"human:{studio_server.account.email}", 5)
    assert [one["round"] for one in document["labels"]["rounds"]] == ["humans"]
    [told] = document["annotators"]["annotators"]
    assert (told["annotator"], told["n"], told["n_skipped"]) == (studio_server.account.email, 5, 1)
    assert 'id="annotators"' in (kto.run_folder / "report.html").read_text(encoding="utf-8")
    assert len(studio_server.tasks(title)) == 6
    # enough is answered: the run is reused without the server
    offline = kto("run", pipeline, "--json", LABEL_STUDIO_URL="http://127.0.0.1:9", LABEL_STUDIO_API_KEY="x")
    assert offline.returncode == 0, offline.stderr


def test_each_round_of_training_asks_about_its_new_answers_and_waits_for_them(
    kto, title, studio_env, studio_server
):
    kto.records(40)
    tiny = {"vocab_size": 320, "hidden_size": 16, "intermediate_size": 32, "layers": 1}
    pipeline = kto.pipeline(
        label={"rules": ["rules.yaml"], "humans": humans(title, budget=3)},
        train={"epochs": 1, "max_length": 32, "threads": 1, "sft": {"epochs": 1}, "tiny": tiny},
        rounds={"n": 2, "prompts": 12, "max_new_tokens": 6},
    )
    answered = set()
    for n_items in (3, 6):
        waiting = kto("run", pipeline, **studio_env)
        assert waiting.returncode == 4
        assert f"{n_items - 3} of {n_items} items are answered" in waiting.stderr
        new = [task for task in studio_server.tasks(title) if task["id"] not in answered]
        assert len(new) == 3
        for task in new:
            studio_server.annotate(task["id"], "desirable")
            answered.add(task["id"])
    done = kto("run", pipeline, "--json", **studio_env)
    assert done.returncode == 0, done.stderr
    reused = {step["step"]: step["reused"] for step in json.loads(done.stdout)["lineage"]["steps"]}
    assert all(reused[name] for name in ("humans", "aggregate", "train", "r2_answers", "r2_read"))
    assert not reused["r2_train"]
    [rows] = kto.run_folder.glob("*_r2_read-*/rows.parquet")
    source_of = {row["sample_id"]: row["source"] for row in pq.read_table(rows).to_pylist()}
    asked = [task["data"]["external_id"].partition("-")[2] for task in new]
    assert {source_of[sample] for sample in asked} == {"round-2"}


def test_disagreement_goes_to_a_reviewer_whose_answer_becomes_gold(kto, title, studio_env, studio_server):
    kto.records(40)
    label = {"rules": ["rules.yaml"], "humans": humans(title, overlap=2, budget=3, min_share=0.3)}
    pipeline = kto.pipeline(label=label)
    assert kto("run", pipeline, **studio_env).returncode == 4
    (_, ann), (_, bob), (jo, jo_token) = (studio_server.add_annotator() for _ in range(3))
    task = studio_server.tasks(title)[0]
    studio_server.annotate(task["id"], "desirable", token=ann)
    studio_server.annotate(task["id"], "undesirable", token=bob)
    done = kto("run", pipeline, "--json", **studio_env)  # one of three items is enough here
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["labels"]["n_disputed"] == 1

    sent = json.loads(kto("annotate", "push", "runs/mine", "--review-by", jo, "--json", **studio_env).stdout)
    assert (sent["n_sent"], sent["notes"]) == (1, [])
    review = f"/api/tasks/?project={sent['url'].rpartition('/')[2]}&fields=all"
    [under_review] = studio_server.api("GET", review)["tasks"]
    assert under_review["data"]["completion"] == task["data"]["completion"]
    studio_server.annotate(under_review["id"], "undesirable", token=ann)  # not the reviewer: no gold
    assert json.loads(kto("annotate", "pull", "runs/mine", "--json", **studio_env).stdout)["n_gold"] == 0
    studio_server.annotate(under_review["id"], "desirable", token=jo_token)
    assert json.loads(kto("annotate", "pull", "runs/mine", "--json", **studio_env).stdout)["n_gold"] == 1
    after = json.loads(kto("run", pipeline, "--json", **studio_env).stdout)
    assert after["labels"]["n_gold"] == 1
    labels = pq.read_table(next(kto.run_folder.glob("*_aggregate-*/labels.parquet"))).to_pylist()
    sample = task["data"]["external_id"].partition("-")[2]
    decided = {
        one["label"]
        for path in kto.run_folder.glob("*_aggregate-*/labels.parquet")
        for one in pq.read_table(path).to_pylist()
        if one["sample_id"] == sample and one["decided_by"] == "gold"
    }
    assert decided == {True}
    assert labels
