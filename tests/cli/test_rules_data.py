"""`kto rules report|diff|bench|run|explain|new` and `test --mutate`: the commands as people call them."""

import json

import pytest

pytestmark = pytest.mark.slow

RULES = """\
version: 1
rules:
  - id: tea
    vote: undesirable
    message: "Speaks of {match}."
    match: {any: [{contains: tea}, {regex: 'coff(?:ee|y)'}]}
    tests:
      - {completion: tea, expect: fire}
      - {completion: water, expect: ok}
"""


@pytest.fixture
def data(kto):
    kto.write("r.yaml", RULES)
    records = [
        {"id": n, "prompt": f"q{n}", "completion": f"{'tea' if n < 8 else 'water'} {n}", "good": n > 5}
        for n in range(20)
    ]
    kto.write("d.jsonl", "".join(json.dumps(record) + "\n" for record in records))
    return "d.jsonl"


def test_report_tells_what_a_rule_is_worth(kto, data):
    done = kto("rules", "report", "r.yaml", "--on", data, "--gold", "good")
    assert done.returncode == 0
    assert "20 rows, 0 records quarantined; labels known of 20 samples (meta.good)" in done.stdout
    assert "0.75 (0.41 to 0.93)" in done.stdout
    document = json.loads(kto("rules", "report", "r.yaml", "--on", data, "--gold", "good", "--json").stdout)
    [rule] = document["rules"]
    assert (rule["n_fires"], rule["precision"]["estimate"]) == (8, 0.75)
    assert kto("rules", "report", "r.yaml", "--on", data, "--gold", "bad").returncode == 2


def test_explain_tells_every_part_with_its_place(kto, data):
    done = kto("rules", "explain", "r.yaml", data, "3")
    assert done.stdout.splitlines() == [
        "r.yaml:3: tea: fires, votes undesirable: Speaks of tea.",
        "  match",
        "    any: holds",
        '      contains value="tea" on completion: holds (tea)',
        "        completion 0-3: 'tea'",
        '      regex pattern="coff(?:ee|y)" on completion: does not hold',
    ]
    document = json.loads(kto("rules", "explain", "r.yaml", "--text", "green tea", "--json").stdout)
    [span] = document["rules"][0]["match"]["parts"][0]["spans"]
    assert (span["start"], span["end"], span["text"]) == (6, 9, "tea")
    assert "has no sample or row 'nobody'" in kto("rules", "explain", "r.yaml", data, "nobody").stderr


def test_diff_tells_what_flips(kto, data):
    kto.write("new.yaml", RULES.replace("contains: tea", "contains: tea 1"))
    done = kto("rules", "diff", "r.yaml", "new.yaml", "--on", data)
    assert "20 rows; the votes of 7 differ" in done.stdout
    document = json.loads(kto("rules", "diff", "r.yaml", "new.yaml", "--on", data, "--json").stdout)
    assert document["rules"][0]["flips"] == [{"before": "undesirable", "after": "abstain", "n": 7}]


def test_bench_tells_the_share_of_each_rule(kto, data):
    document = json.loads(kto("rules", "bench", "r.yaml", "--on", data, "--seconds", "0.2", "--json").stdout)
    assert (document["n_rows"], document["rules"][0]["rule"], document["rules"][0]["share"]) == (
        20,
        "tea",
        1.0,
    )
    assert "rows/s in one process" in kto("rules", "bench", "r.yaml", "--on", data, "--seconds", "0.2").stdout


def test_run_is_label_with_a_summary(kto, data):
    done = kto("rules", "run", "r.yaml", "--on", data, "--explain", "1")
    assert done.returncode == 0
    assert "Speaks of tea." in done.stdout
    assert not (kto.folder / "votes.parquet").exists()
    document = json.loads(kto("rules", "run", "r.yaml", "--on", data, "-o", "votes.parquet", "--json").stdout)
    assert document["rules"][0]["n_undesirable"] == 8
    assert "votes.parquet" in document["files"]
    assert (kto.folder / "votes.parquet").exists()


def test_mutate_lists_what_no_test_notices(kto, data):
    done = kto("rules", "test", "r.yaml", "--mutate")
    assert done.returncode == 1
    assert "r.yaml:6: tea: without {regex: coff(?:ee|y)}: no test notices; add a row on which" in done.stdout
    document = json.loads(kto("rules", "test", "r.yaml", "--mutate", "--json").stdout)
    assert document["mutation"]["n_mutants"] > document["mutation"]["n_noticed"] > 0


def test_new_writes_a_file_that_passes_and_replaces_none(kto):
    assert kto("rules", "new", "mine.yaml", "--id", "first").returncode == 0
    assert kto("rules", "test", "mine.yaml").returncode == 0
    assert "is there already" in kto("rules", "new", "mine.yaml").stderr
    assert "did you mean 'regex'" in kto("rules", "new", "other.yaml", "--check", "regx").stderr


def test_import_writes_a_rule_file_and_says_what_it_left(kto):
    kto.write(
        "promptfooconfig.yaml",
        "tests:\n  - assert:\n      - {type: contains, value: tea}\n      - {type: llm-rubric, value: is kind}\n",
    )
    done = kto("rules", "import", "promptfooconfig.yaml", "-o", "x.rules.yaml")
    assert done.returncode == 0
    assert "not imported: promptfooconfig.yaml:4: tests[0].assert[1]: llm-rubric" in done.stdout
    assert kto("rules", "test", "x.rules.yaml").returncode == 0
    assert kto("rules", "lint", "x.rules.yaml").returncode == 0
    assert "is there already" in kto("rules", "import", "promptfooconfig.yaml", "-o", "x.rules.yaml").stderr
    document = json.loads(kto("rules", "import", "promptfooconfig.yaml", "-o", "y.yaml", "--json").stdout)
    assert (document["n_rules"], len(document["left"])) == (1, 1)


def test_docs_writes_one_page(kto, data):
    assert kto("rules", "docs", "r.yaml", "-o", "rules.html").returncode == 0
    assert "Speaks of {match}." in (kto.folder / "rules.html").read_text()
    document = json.loads(kto("rules", "docs", "r.yaml", "-o", "rules.html", "--json").stdout)
    assert (document["n_rules"], document["n_tests"]) == (1, 2)
    assert "ends in .html" in kto("rules", "docs", "r.yaml", "-o", "rules").stderr
