"""Against the real server: what annotators do there becomes votes, incrementally, and nothing is lost or doubled."""

import pyarrow.parquet as pq
import pytest

from kto_data.labelers.humans.connection import GoneError
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.labelers.humans.votes import tell
from kto_data.votes.log import VoteLog
from kto_data.votes.vote_files import find_vote_files

pytestmark = pytest.mark.slow


@pytest.fixture
def annotators(studio_server):
    """Two people's tokens, by address."""
    return dict(studio_server.add_annotator() for _ in range(2))


@pytest.fixture
def project(ledger, studio, add_batch, title):
    add_batch(6)
    project = ensure_project(ledger, studio, title, overlap=2)
    send(ledger, studio, project)
    return project


def votes_in(folder):
    tables = [pq.read_table(path) for path in sorted(folder.glob("votes-*.parquet"))]
    return [vote for table in tables for vote in table.to_pylist()]


def test_answers_become_votes_with_reasons_skips_and_the_chance_of_being_chosen(
    ledger, studio, studio_server, project, annotators, tasks_of, tmp_path
):
    tasks = tasks_of()
    (ann, ann_token), (bob, bob_token) = annotators.items()
    studio_server.annotate(tasks["b1s0000"], "desirable", token=ann_token, lead_time=4.25)
    studio_server.annotate(
        tasks["b1s0000"],
        "undesirable",
        token=bob_token,
        reasons=("unsafe", "other"),
        comment="see line 2\nand 3",
    )
    studio_server.annotate(tasks["b1s0001"], None, token=ann_token)
    pulled = pull(ledger, studio)
    assert (pulled.n_new, pulled.n_changed, pulled.n_withdrawn, pulled.n_invalid) == (3, 0, 0, 0)
    tell(ledger, VoteLog(tmp_path / "votes"))
    found = {(vote["sample_id"], vote["labeler"]): vote for vote in votes_in(tmp_path / "votes")}
    assert {key: vote["vote"] for key, vote in found.items()} == {
        ("b1s0000", f"human:{ann}"): 1,
        ("b1s0000", f"human:{bob}"): -1,
        ("b1s0001", f"human:{ann}"): 0,
    }
    assert found["b1s0000", f"human:{bob}"]["reason"] == "unsafe, other: see line 2\nand 3"
    assert found["b1s0001", f"human:{ann}"]["reason"] == "skipped"
    assert {vote["p_selected"] for vote in found.values()} == {0.5}
    assert {vote["batch"] for vote in found.values()} == {"b1"}
    [row] = ledger.rows(
        "SELECT lead_time_s FROM annotations WHERE annotator = ? AND verdict = 'desirable'", [ann]
    )
    assert row["lead_time_s"] == 4.25


def test_pulling_twice_changes_nothing(ledger, studio, studio_server, project, tasks_of, tmp_path):
    studio_server.annotate(tasks_of()["b1s0000"], "desirable")
    log = VoteLog(tmp_path / "votes")
    pull(ledger, studio)
    tell(ledger, log)
    before = {path.name: path.read_bytes() for path in log.folder.iterdir()}
    again = pull(ledger, studio)
    assert (again.n_new, again.n_changed, again.n_withdrawn) == (0, 0, 0)
    assert tell(ledger, log).n_votes == 0
    assert {path.name: path.read_bytes() for path in log.folder.iterdir()} == before


def test_a_changed_mind_supersedes_and_both_votes_stay_in_the_log(
    ledger, studio, studio_server, project, tasks_of, tmp_path
):
    log = VoteLog(tmp_path / "votes")
    number = studio_server.annotate(tasks_of()["b1s0000"], "desirable")
    pull(ledger, studio)
    tell(ledger, log)
    studio_server.change(number, "undesirable")
    assert pull(ledger, studio).n_changed == 1
    tell(ledger, log)
    assert sorted(vote["vote"] for vote in votes_in(log.folder)) == [-1, 1]
    table = find_vote_files([log.folder]).load()
    assert (table.up_V.tolist(), table.down_V.tolist()) == ([0], [1])


def test_a_withdrawn_decision_does_not_count_any_more_and_one_that_comes_back_does(
    ledger, studio, studio_server, project, tasks_of, tmp_path
):
    log = VoteLog(tmp_path / "votes")
    task = tasks_of()["b1s0000"]
    number = studio_server.annotate(task, "desirable")
    pull(ledger, studio)
    tell(ledger, log)
    studio_server.api("DELETE", f"/api/annotations/{number}/")
    assert pull(ledger, studio).n_withdrawn == 1
    tell(ledger, log)
    assert votes_in(log.folder)[-1]["reason"] in ("withdrawn", None)
    table = find_vote_files([log.folder]).load()
    assert table.up_V.sum() + table.down_V.sum() == 0
    studio_server.annotate(task, "desirable")
    pull(ledger, studio)
    tell(ledger, log)
    table = find_vote_files([log.folder]).load()
    assert (table.up_V.tolist(), table.down_V.tolist()) == ([1], [0])


def test_what_came_before_is_not_fetched_again(ledger, studio, studio_server, project, tasks_of, monkeypatch):
    monkeypatch.setattr("kto_data.labelers.humans.pull.REREAD_S", -60)  # as if all this were an hour ago
    pull(ledger, studio)
    studio_server.annotate(tasks_of()["b1s0003"], "desirable")
    assert pull(ledger, studio).n_tasks == 1


def test_annotations_without_a_verdict_are_counted_and_never_votes(
    ledger, studio, studio_server, project, tasks_of, tmp_path
):
    tasks = tasks_of()
    for sample, labels in (
        ("b1s0000", ["banana"]),
        ("b1s0001", ["desirable", "undesirable"]),
        ("b1s0002", []),
    ):
        body = {
            "result": [
                {
                    "from_name": "verdict",
                    "to_name": "completion",
                    "type": "choices",
                    "value": {"choices": labels},
                }
            ]
        }
        studio_server.api("POST", f"/api/tasks/{tasks[sample]}/annotations/", body)
    pulled = pull(ledger, studio)
    assert (pulled.n_new, pulled.n_invalid) == (3, 3)
    assert tell(ledger, VoteLog(tmp_path / "votes")).n_votes == 0
    problems = {row["problem"] for row in ledger.rows("SELECT problem FROM annotations")}
    assert problems == {
        "'banana' is no verdict",
        "two verdicts were chosen: desirable, undesirable",
        "no verdict was chosen",
    }


def test_a_task_deleted_by_hand_keeps_the_votes_it_brought_and_can_be_sent_again(
    ledger, studio, studio_server, project, tasks_of, tmp_path
):
    from kto_data.labelers.humans.push import send_again

    log = VoteLog(tmp_path / "votes")
    task = tasks_of()["b1s0000"]
    studio_server.annotate(task, "desirable")
    pull(ledger, studio)
    tell(ledger, log)
    studio_server.api("DELETE", f"/api/tasks/{task}/")
    assert pull(ledger, studio).n_deleted_tasks == 1
    assert tell(ledger, log).n_votes == 0
    assert find_vote_files([log.folder]).load().up_V.tolist() == [1]
    assert send_again(ledger) == 1
    assert send(ledger, studio, project).n_sent == 1
    assert len(studio_server.tasks(project.title)) == 6
    assert pull(ledger, studio).n_deleted_tasks == 0


def test_a_project_deleted_by_hand_is_told_with_the_remedy_and_loses_no_vote(
    ledger, studio, studio_server, project, tasks_of, tmp_path, title
):
    from kto_data.labelers.humans.push import forget_project

    log = VoteLog(tmp_path / "votes")
    tasks = tasks_of()
    studio_server.annotate(tasks["b1s0000"], "desirable")
    pull(ledger, studio)
    tell(ledger, log)
    studio_server.api("DELETE", f"/api/projects/{project.id}/")
    with pytest.raises(GoneError, match="--new-project"):
        pull(ledger, studio)
    with pytest.raises(GoneError, match="--new-project"):
        ensure_project(ledger, studio, title, overlap=2)
    assert forget_project(ledger) == 6  # none has both of its answers
    fresh = ensure_project(ledger, studio, title, overlap=2)
    assert send(ledger, studio, fresh).n_sent == 6
    assert pull(ledger, studio).n_withdrawn == 0
    assert tell(ledger, log).n_votes == 0
    assert find_vote_files([log.folder]).load().up_V.tolist() == [1]


def test_tasks_and_answers_of_others_in_the_project_are_left_alone(
    ledger, studio, studio_server, project, tmp_path
):
    studio_server.api(
        "POST", f"/api/projects/{project.id}/import", [{"messages": [], "completion": "theirs"}]
    )
    [foreign] = [
        task["id"] for task in studio_server.tasks(project.title) if "external_id" not in task["data"]
    ]
    studio_server.annotate(foreign, "desirable")
    pulled = pull(ledger, studio)
    assert (pulled.n_new, pulled.n_foreign) == (0, 1)
    assert tell(ledger, VoteLog(tmp_path / "votes")).n_votes == 0


def test_an_answer_edited_by_somebody_else_is_noted(
    ledger, studio, studio_server, project, annotators, tasks_of
):
    (ann, ann_token), (bob, bob_token) = annotators.items()
    number = studio_server.annotate(tasks_of()["b1s0000"], "desirable", token=ann_token)
    studio_server.change(number, "undesirable", token=bob_token)
    pull(ledger, studio)
    [row] = ledger.rows("SELECT annotator, verdict, edited_by FROM annotations")
    assert (row["annotator"], row["verdict"], row["edited_by"]) == (ann, "undesirable", bob)
