"""humans: ask annotators, and go on when enough of them have answered.

What is sent and answered stands in the ledger, `annotation/` in the run folder; this step takes from it what counts now.
"""

import json
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from kto_data.errors import KtoDataError, WaitingError
from kto_data.labelers.humans.answers import standing_answers
from kto_data.labelers.humans.batches import Source, answered, make_batch, n_outstanding
from kto_data.labelers.humans.client import Studio
from kto_data.labelers.humans.connection import Connection
from kto_data.labelers.humans.ledger import DELETED, MAIN, SENT, Ledger
from kto_data.labelers.humans.options import HumansOptions, server_token, server_url
from kto_data.labelers.humans.push import ensure_project, send
from kto_data.labelers.humans.report import agreement_report
from kto_data.labelers.humans.votes import PREFIX, block_names, labeler_of, write_gold
from kto_data.pipeline.annotate import GOLD_FILE, pull_votes
from kto_data.pipeline.annotation import STATE, source_of_votes
from kto_data.pipeline.context import Context, step_name
from kto_data.pipeline.sections.rounds import MOST_ROUNDS
from kto_data.pipeline.steps.aggregate import run_votes
from kto_data.pipeline.steps.answers import source_of
from kto_data.pipeline.steps.gold import read_run_gold
from kto_data.runs.files import hash_value
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.schema import GOLD, LABELERS
from kto_data.tables import add_view, database, write_parquet
from kto_data.votes.labelers import to_table

POLL_S = 5.0
"""How often the server is asked while a run waits."""

REQUEST = "pipeline"
"""What batches of the pipeline are marked with in the ledger; those of later rounds with `r2_pipeline` and so on."""

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
            _talk(context, _Asked(ledger, options, context.round), provisional)
            return _take(context, ledger, provisional)
    finally:
        ledger.close()


@dataclass(frozen=True, slots=True)
class _Asked:
    """What annotators were asked up to a round of training; what later rounds asked is none of its business.

    So a run that starts again while a later round waits for answers reuses the rounds before as they are.
    """

    ledger: Ledger
    options: HumansOptions
    round: int

    def n_left(self) -> int:
        """Return how many items the budget still allows."""
        return self.options.budget * self.round - self.n_items()

    def n_items(self) -> int:
        """Return how many items there are, with those that were deleted on the server."""
        query = "SELECT count(*) FROM items WHERE kind = ? AND batch NOT IN (SELECT value FROM json_each(?))"
        return self.ledger.count(query, [MAIN, json.dumps(self._later())])

    def enough(self) -> bool:
        """Return whether so many items are answered that the run can go on."""
        n_done, n_items = answered(self.ledger, self.options.answers_per_item, but=self._later())
        return n_done >= self.options.min_share * n_items

    def waiting(self, address: str) -> str:
        """Return what is missing, in words."""
        per_item, later = self.options.answers_per_item, self._later()
        n_done, n_items = answered(self.ledger, per_item, but=later)
        n_missing = n_outstanding(self.ledger, per_item, but=later)
        return (
            f"{n_missing:,} decisions of annotators are outstanding: {n_done:,} of {n_items:,} items are answered "
            f"{per_item} times, and {self.options.min_share:.0%} are wanted (label.humans); they work at {address}"
        )

    def _later(self) -> list[str]:
        requests = {step_name(REQUEST, number) for number in range(self.round + 1, MOST_ROUNDS + 1)}
        return [one.batch for one in self.ledger.batches() if one.request in requests]


def _talk(context: Context, asked: _Asked, provisional: str) -> None:
    """Send and pull until enough is answered."""
    ledger, server = asked.ledger, asked.options.label_studio
    try:
        connection = Connection(server_url(server.url), server_token(), timeout_s=server.timeout_s)
        with Studio(connection) as studio:
            address = _send(context, asked, studio, provisional)
            while True:
                pull_votes(ledger, studio, context.log.folder, context.run.progress)
                if asked.enough():
                    return
                waiting = asked.waiting(address)
                if not context.wait:
                    raise WaitingError(
                        f"{waiting}; kto run again goes on when they are made, kto run --wait waits"
                    )
                context.run.progress.said(waiting)
                time.sleep(POLL_S)
    except WaitingError:
        raise
    except KtoDataError as error:
        n_unsent = ledger.count("SELECT count(*) FROM items WHERE state NOT IN (?, ?)", [SENT, DELETED])
        if n_unsent or not asked.n_items() or not asked.enough():
            raise
        context.run.progress.said(f"enough is answered, so the run goes on without the server: {error}")


def _send(context: Context, asked: _Asked, studio: Studio, provisional: str) -> str:
    """Send what is missing to the budget and return the project's address."""
    ledger, options = asked.ledger, asked.options
    project = ensure_project(
        ledger,
        studio,
        options.label_studio.project,
        overlap=options.overlap,
        show_suggestions=options.show_suggestions,
    )
    n_new = asked.n_left()
    if n_new > 0:
        labels = pq.read_table(context.path(provisional, "labels.parquet"))
        source = source_of_votes(context.rows, labels, run_votes(context), read_run_gold(context), {})
        if context.round > 1:
            source = _new_answers(context, source)
        request = step_name(REQUEST, context.round)
        make_batch(ledger, source, options, n=n_new, seed=context.pipeline.file.seed, request=request)
    send(ledger, studio, project, progress=context.run.progress)
    return f"{studio.url}/projects/{project.id}"


def _new_answers(context: Context, source: Source) -> Source:
    """Return only what the round's model answered: about all else the first round has asked."""
    with database(context.run.path) as con:
        add_view(con, "rows", context.rows)
        found = con.execute(
            "SELECT sample_id FROM rows GROUP BY sample_id HAVING bool_and(source = ?)",
            [source_of(context.round)],
        ).fetchall()
    new = {sample for (sample,) in found}
    is_new = np.array([sample in new for sample in source.candidates.sample_ids], dtype=bool)
    return replace(source, candidates=source.candidates.at(is_new), gold={})


def _take(context: Context, ledger: Ledger, provisional: str) -> StepResult:
    """Hand the annotators' votes and the reviewers' gold on the round's samples on to the run."""
    samples = _among_rows(context, ledger.asked_samples())
    asked = sorted(samples)
    blocks = [name for name in block_names(ledger) if _is_about(context.log.folder / name, asked)]
    answers = [answer for answer in standing_answers(ledger) if answer.sample_id in samples]
    told = ledger.rows("SELECT sample_id, annotator FROM told")
    annotators = sorted({row["annotator"] for row in told if row["sample_id"] in samples})
    gold_file = context.run.path / STATE / GOLD_FILE
    write_gold(ledger, gold_file)
    reviewed = pq.read_table(gold_file)
    reviewed = reviewed.filter(pc.is_in(reviewed["sample_id"], pa.array(asked, pa.string())))
    options = {"blocks": blocks, "asked": hash_value(asked), "gold": hash_value(reviewed.to_pylist())}

    def work(folder: Path) -> Outcome:
        write_parquet(
            folder / "unresolved.parquet", ASKED, pa.table({"sample_id": asked}, schema=ASKED).to_batches()
        )
        known = read_run_gold(context)
        given = set() if known is None else set(known["sample_id"].to_pylist())
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


def _among_rows(context: Context, samples: set[str]) -> set[str]:
    """Return those samples that are among the round's rows."""
    with database(context.run.path) as con:
        add_view(con, "rows", context.rows)
        con.execute("CREATE TABLE asked AS SELECT unnest(?::VARCHAR[]) AS sample_id", [sorted(samples)])
        return {
            one
            for (one,) in con.execute(
                "SELECT sample_id FROM asked SEMI JOIN rows USING (sample_id)"
            ).fetchall()
        }


def _is_about(block: Path, asked: Sequence[str]) -> bool:
    """Return whether a block holds votes on any of these samples."""
    voted = pq.read_table(block, columns=["sample_id"])["sample_id"]
    return bool(pc.any(pc.is_in(voted, pa.array(asked, pa.string()))).as_py())


def _n_rows(context: Context, folder: Path) -> int:
    with database(folder) as con:
        add_view(con, "rows", context.rows)
        add_view(con, "asked", folder / "unresolved.parquet")
        [(n,)] = con.execute("SELECT count(*) FROM rows SEMI JOIN asked USING (sample_id)").fetchall()
    return int(n)
