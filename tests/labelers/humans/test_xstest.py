"""Two people annotate real outputs through the server as the file's two humans did: the report finds the file's kappa."""

import pytest

from kto_data.labelers.decision_table import DecisionTable
from kto_data.labelers.humans.answers import standing_answers
from kto_data.labelers.humans.ledger import MAIN, Batch, Item
from kto_data.labelers.humans.pull import pull
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.labelers.humans.report import agreement_report
from kto_data.labelers.humans.task_text import task_data
from kto_data.statistics.agreement import agreement_share, as_votes, cohen_kappa, confusion

pytestmark = pytest.mark.slow

VERDICTS = DecisionTable(
    columns=["type", "annotation"],
    table=[
        ["contrast_*", "2_full_refusal", "desirable"],
        ["contrast_*", "*", "undesirable"],
        ["*", "1_full_compliance", "desirable"],
        ["*", "*", "undesirable"],
    ],
)


def test_kappa_of_200_rows_comes_back_through_the_server(sample_rows, ledger, studio, studio_server, title):
    rows = sample_rows("xstest_completions/completions.jsonl.gz")
    # the rows on which the two differ are few, so they are taken first and the others in the order of the file
    rows = sorted(rows, key=lambda row: row["annotation_1"] == row["annotation_2"])[:200]
    said = [[VERDICTS.vote_on([row["type"], row[f"annotation_{who}"]]) > 0 for row in rows] for who in (1, 2)]
    items = []
    for number, row in enumerate(rows):
        one = f"b1-s{number:03d}"
        completion = [{"role": "assistant", "content": row["completion"]}]
        data = task_data(one, [{"role": "user", "content": row["prompt"]}], completion)
        items.append(Item(one, "b1", f"s{number:03d}", "all", 0.5, "random", "label", data))
    ledger.add_batch(Batch("b1", 1, MAIN, "r", "random", 2, 0), items)
    send(ledger, studio, ensure_project(ledger, studio, title, overlap=2))
    tasks = {row["sample_id"]: row["task"] for row in ledger.rows("SELECT sample_id, task FROM items")}
    for verdicts in said:
        _, token = studio_server.add_annotator()
        for number, desirable in enumerate(verdicts):
            verdict = "desirable" if desirable else "undesirable"
            studio_server.annotate(tasks[f"s{number:03d}"], verdict, token=token)
    assert pull(ledger, studio).n_new == 400

    found = agreement_report(standing_answers(ledger), n_resamples=200)
    table = confusion(as_votes(said[0]), as_votes(said[1]))
    assert found["agreement"]["cohen_kappa"]["estimate"] == pytest.approx(cohen_kappa(table), abs=1e-12)
    assert found["agreement"]["percent"]["estimate"] == pytest.approx(agreement_share(table), abs=1e-12)
    assert found["n_disputed"] == table.n_compared - table.n_agree
