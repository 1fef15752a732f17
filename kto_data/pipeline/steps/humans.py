"""humans: ask annotators, and go on when enough of them have answered.

What is sent and answered stands in the ledger, `annotation/` in the run folder; this step takes from it what counts now.
"""

import time
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from kto_data.errors import KtoDataError, WaitingError
from kto_data.labelers.humans.answers import standing_answers
from kto_data.labelers.humans.batches import answered, make_batch, n_outstanding
from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.ledger import DELETED, MAIN, SENT, Ledger
from kto_data.labelers.humans.options import HumansOptions, server_token, server_url
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.labelers.humans.report import agreement_report
from kto_data.labelers.humans.votes import PREFIX, block_names, labeler_of, write_gold
from kto_data.pipeline.annotate import pull_votes
from kto_data.pipeline.annotation import STATE, source_of_votes
from kto_data.pipeline.context import Context
from kto_data.pipeline.steps.aggregate import run_votes
from kto_data.pipeline.steps.gold import read_run_gold
from kto_data.runs.files import hash_file, hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import GOLD, LABELERS
from kto_data.tables import add_view, database, write_parquet
from kto_data.votes.labelers import to_table

POLL_S = 5.0
"""How often the server is asked while a run waits."""

ASKED = pa.schema([pa.field("sample_id", pa.string(), nullable=False)])


def ask_annotators(context: Context, provisional: str) -> StepResult:
    """Send the batch, pull what is answered, and take the votes; or stop while too little is answered.

    Args:
        context: A run whose other labelers have voted.
        provisional: The aggregate of their votes, which decides what is sent.

    Raises:
        WaitingError: Too little is answered, and the run is not to wait.
        UnavailableError: The server failed, and it is needed.
    """
    options = context.pipeline.file.label.humans
    assert options is not None
    ledger = Ledger(context.run.path / STATE)
    try:
        with ledger.locked():
            _talk(context, ledger, options, provisional)
            return _take(context, ledger, provisional)
    finally:
        ledger.close()


def _talk(context: Context, ledger: Ledger, options: HumansOptions, provisional: str) -> None:
    """Send and pull until enough is answered."""
    try:
        with Studio(
            server_url(options.label_studio.url), server_token(), timeout_s=options.label_studio.timeout_s
        ) as studio:
            address = _send(context, ledger, studio, options, provisional)
            while True:
                pull_votes(ledger, studio, context.log.folder, context.run.progress)
                if _enough(ledger, options):
                    return
                waiting = _waiting(ledger, options, address)
                if not context.wait:
                    raise WaitingError(
                        f"{waiting}; kto run again goes on when they are made, kto run --wait waits"
                    )
                context.run.progress.said(waiting)
                time.sleep(POLL_S)
    except WaitingError:
        raise
    except KtoDataError as error:
        n_left = ledger.count("SELECT count(*) FROM items WHERE state NOT IN (?, ?)", [SENT, DELETED])
        if n_left or not _n_asked(ledger) or not _enough(ledger, options):
            raise
        context.run.progress.said(f"enough is answered, so the run goes on without the server: {error}")


def _send(context: Context, ledger: Ledger, studio: Studio, options: HumansOptions, provisional: str) -> str:
    """Send what is missing to the budget and return the project's address."""
    project = ensure_project(
        ledger,
        studio,
        options.label_studio.project,
        overlap=options.overlap,
        show_suggestions=options.show_suggestions,
    )
    n_new = options.budget - _n_asked(ledger)
    if n_new > 0:
        labels = pq.read_table(context.path(provisional, "labels.parquet"))
        rows = context.rows
        source = source_of_votes(rows, labels, run_votes(context), read_run_gold(context), {})
        seed = context.pipeline.file.seed
        make_batch(ledger, source, options, n=n_new, seed=seed, request="pipeline")
    send(ledger, studio, project, progress=context.run.progress)
    return f"{studio.url}/projects/{project.id}"


def _n_asked(ledger: Ledger) -> int:
    return ledger.count("SELECT count(*) FROM items WHERE kind = ?", [MAIN])


def _enough(ledger: Ledger, options: HumansOptions) -> bool:
    n_done, n_items = answered(ledger, options.answers_per_item)
    return n_done >= options.min_share * n_items


def _waiting(ledger: Ledger, options: HumansOptions, address: str) -> str:
    n_done, n_items = answered(ledger, options.answers_per_item)
    n_missing = n_outstanding(ledger, options.answers_per_item)
    return (
        f"{n_missing:,} decisions of annotators are outstanding: {n_done:,} of {n_items:,} items are answered "
        f"{options.answers_per_item} times, and {options.min_share:.0%} are wanted (label.humans); they work at {address}"
    )


def _take(context: Context, ledger: Ledger, provisional: str) -> StepResult:
    """Hand the annotators' votes and the reviewers' gold on to the run."""
    blocks = block_names(ledger)
    asked = sorted(ledger.asked_samples())
    answers = standing_answers(ledger)
    annotators = sorted(row[0] for row in ledger.rows("SELECT DISTINCT annotator FROM told"))
    gold_file = context.run.path / STATE / "gold.parquet"
    write_gold(ledger, gold_file)
    options = {"blocks": blocks, "asked": hash_value(asked), "gold": hash_file(gold_file)}

    def work(folder: Path) -> Outcome:
        write_parquet(
            folder / "unresolved.parquet", ASKED, pa.table({"sample_id": asked}, schema=ASKED).to_batches()
        )
        known = read_run_gold(context)
        given = set() if known is None else set(known["sample_id"].to_pylist())
        reviewed = pq.read_table(gold_file)
        fresh = reviewed.filter(
            pa.array([one not in given for one in reviewed["sample_id"].to_pylist()], pa.bool_())
        )
        write_parquet(folder / "gold.parquet", GOLD, fresh.to_batches())
        key = hash_value([annotators, blocks])
        labelers = context.log.append(
            "labelers", key, LABELERS, [to_table(labeler_of(name) for name in annotators)]
        )
        votes = [context.log.folder / name for name in blocks]
        counts = {
            "n_rows": _n_rows(context, folder),
            "n_unresolved": len(asked),
            "n_votes": sum(pq.read_metadata(path).num_rows for path in votes),
            "n_faults": 0,
            "n_gold": fresh.num_rows,
        }
        facts: dict[str, Any] = {
            "blocks": {"votes": blocks, "labelers": [labelers.name]},
            "agreement": agreement_report(answers, seed=context.pipeline.file.seed),
            "annotators": [PREFIX + name for name in annotators],
        }
        return Outcome(counts, facts, elsewhere=[*votes, labelers])

    return context.do("humans", work, options=options, after=["read", "prepare", provisional])


def _n_rows(context: Context, folder: Path) -> int:
    with database(folder) as con:
        add_view(con, "rows", context.rows)
        add_view(con, "asked", folder / "unresolved.parquet")
        [(n,)] = con.execute("SELECT count(*) FROM rows SEMI JOIN asked USING (sample_id)").fetchall()
    return int(n)
