"""What judges are worth on files whose right labels are known: what `kto judge report` does."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from kto_data.errors import InputError
from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.measured import AgainstGold, Biases, Judged, against_gold, biases, family_of
from kto_data.labelers.judges.outcome import RowOutcome
from kto_data.labelers.judges.probes import Probe, run_probes
from kto_data.labelers.judges.rows import flagged_rows
from kto_data.labelers.judges.run import JudgeRun
from kto_data.labelers.rules.row import Row, column_value, scope_text
from kto_data.pipeline.judge_files import ReadFiles, read_files
from kto_data.readers import ReadEntry
from kto_data.votes.gold import label_of, read_gold


@dataclass(frozen=True, slots=True)
class JudgeReport:
    """One judge, or one principle of it, measured.

    Attributes:
        judge: Its name.
        n_rows: Samples (rows, for judges that look at metadata) that it was shown.
        n_voted: ... on which it voted or abstained.
        n_abstained: ... and abstained.
        causes: Why.
        n_faults: ... on which it failed.
        n_unsent: ... without a stored answer: `kto judge run` asks for them.
        gold: Against gold.
        biases: What should not matter.
        cost_per_1000_usd: Of 1,000 votes, where prices are known.
        probes: What harmless changes do; empty without a budget.
    """

    judge: str
    n_rows: int
    n_voted: int
    n_abstained: int
    causes: dict[str, int]
    n_faults: int
    n_unsent: int
    gold: AgainstGold
    biases: Biases
    cost_per_1000_usd: float | None
    probes: Sequence[Probe]

    def as_dict(self) -> dict[str, Any]:
        """Return it as JSON values."""
        return asdict(self)


def report_on_judges(
    files: ReadEntry,
    judges: Sequence[Judge],
    cache: Path,
    *,
    gold: str | None = None,
    gold_id: str = "sample_id",
    budget: int = 0,
) -> list[JudgeReport]:
    """Measure judges by their stored answers.

    Args:
        files: What they judged, and how to read it.
        judges: The judges.
        cache: Where their answers are kept.
        gold: A file with the right labels, or a column of the input (`meta.<name>`).
        gold_id: The file's key of a row: its values are our sample_ids or row_ids, or the records' own ids.
        budget: The most requests that probes may send, for each judge; 0 sends nothing.

    Raises:
        InputError: A file cannot be read, or none of the gold is about these rows.
        UnavailableError: A probe needs a server that is down.
    """
    labels = _gold_file(gold, gold_id) if gold and not gold.startswith("meta.") else None
    with AnswerCache(cache) as answers, read_files(files, cache.parent) as read:
        reports = [
            report
            for judge in judges
            for report in _report(judge, read, answers, gold=gold, labels=labels, budget=budget)
        ]
    if gold and not any(report.gold.n_gold for report in reports):
        raise InputError(f"{gold}: none of it is about a row that these judges have voted on")
    return reports


def _gold_file(path: str, id_column: str) -> dict[str, bool]:
    table = read_gold([Path(path)], id_column=id_column)
    return dict(zip(table["sample_id"].to_pylist(), table["label"].to_pylist(), strict=True))


def _report(
    judge: Judge,
    read: ReadFiles,
    answers: AnswerCache,
    *,
    gold: str | None,
    labels: dict[str, bool] | None,
    budget: int,
) -> list[JudgeReport]:
    run = JudgeRun(judge, answers, send=False)
    shown: list[Row] = []

    def rows() -> Any:
        for row, _ in flagged_rows(read.rows(about=judge.about)):
            shown.append(row)
            yield row, True

    outcomes = list(run.outcomes(rows()))
    prompts = _prompts(read.path)
    voted = [(row, outcome) for row, outcome in zip(shown, outcomes, strict=True) if outcome.votes]
    probes = (
        run_probes(judge, [row for row, _ in voted], answers, budget=budget)
        if budget and judge.backend.asks
        else []
    )
    family = judge.options.family or family_of(judge.options.model)
    reports = []
    for place, voter in enumerate(judge.voters):
        judged = [
            _judged(judge, row, outcome, place, prompts[row.row_id], _gold_of(row, gold, labels))
            for row, outcome in voted
        ]
        costs = [one.cost_usd for one in judged if one.cost_usd is not None]
        reports.append(
            JudgeReport(
                judge=judge.labeler_name(voter),
                n_rows=len(shown),
                n_voted=len(judged),
                n_abstained=sum(one.vote == 0 for one in judged),
                causes=dict(run.counts.causes),
                n_faults=run.counts.n_faults,
                n_unsent=run.counts.n_unsent,
                gold=against_gold(judged),
                biases=biases(judged, family),
                cost_per_1000_usd=1000.0 * sum(costs) / len(costs) if costs else None,
                probes=probes,
            )
        )
    return reports


def _judged(
    judge: Judge, row: Row, outcome: RowOutcome, place: int, prompt_id: str, gold: bool | None
) -> Judged:
    vote = outcome.votes[place]
    return Judged(
        prompt_id=prompt_id,
        vote=vote["vote"],
        score=vote["score"],
        samples=[one.vote for one in outcome.verdicts[place]],
        gold=gold,
        n_chars=len(scope_text(row, judge.options.scope) or ""),
        model=row.model or column_value(row, "meta.model"),
        cost_usd=vote.get("cost_usd"),
    )


def _gold_of(row: Row, column: str | None, labels: dict[str, bool] | None) -> bool | None:
    if labels is not None:
        keys = (row.sample_id, row.row_id, row.row_id.partition("#")[2])
        return next((labels[key] for key in keys if key in labels), None)
    return label_of(column_value(row, column)) if column else None


def _prompts(rows: Path) -> dict[str, str]:
    table = pq.read_table(rows, columns=["row_id", "prompt_id"])
    return dict(zip(table["row_id"].to_pylist(), table["prompt_id"].to_pylist(), strict=True))
