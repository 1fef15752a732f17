"""Labelers as judges of generated outputs: what they find fault with.

Shapes: N outputs, M labelers.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.counts import JudgeCounts
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.rule import RuleSet
from kto_data.pipeline.judge_files import judged

Flags = npt.NDArray[np.bool_]

NO_RULES = RuleSet((), ())


@dataclass(frozen=True, slots=True)
class Minded:
    """What a panel minds.

    Attributes:
        labelers: The M labelers.
        minded_NM: Who voted undesirable on what.
        judged_N: What every one of them could be asked about: false where a judge failed or was not asked.
    """

    labelers: tuple[str, ...]
    minded_NM: Flags
    judged_N: Flags


@dataclass(frozen=True, slots=True)
class Panel:
    """Some labelers.

    Attributes:
        rules: Rules; those in shadow mode say nothing.
        judges: Model judges.
        answers: Where judges' answers are kept, so that none is paid for twice.
    """

    rules: RuleSet = NO_RULES
    judges: tuple[Judge, ...] = ()
    answers: Path | None = None

    def __bool__(self) -> bool:
        """Whether anybody is on it."""
        return bool(self.rules.rules or self.judges)

    def on(self, rows: pa.Table, say: Callable[[str], None]) -> Minded:
        """Return what they mind among outputs, given as `rows`.

        Raises:
            UnavailableError: A judge's server is down; what it answered is kept.
        """
        votes = label_batch(self.rules, rows).votes if self.rules.rules else None
        chosen = [rule.id for rule in self.rules.rules if rule.options.mode != "shadow"]
        columns = [votes[rule].fill_null(0).to_numpy() < 0 for rule in chosen] if votes is not None else []
        names = list(chosen) if votes is not None else []
        judged_N = np.ones(rows.num_rows, dtype=bool)
        for judge in self.judges:
            if judge.options.mode == "shadow":
                continue
            found, heard_N = self._ask(judge, rows, say)
            judged_N &= heard_N
            names += found
            columns += found.values()
        minded_NM = np.stack(columns, axis=1) if columns else np.zeros((rows.num_rows, 0), dtype=bool)
        return Minded(tuple(names), minded_NM, judged_N)

    def _ask(
        self, judge: Judge, rows: pa.Table, say: Callable[[str], None]
    ) -> tuple[dict[str, Flags], Flags]:
        """Return which rows each voice of a judge minds, and which rows it was heard on."""
        assert self.answers is not None, "judges need a place for their answers"
        key = "row_id" if judge.about == "event" else "sample_id"
        keys = rows[key].to_pylist()
        once = rows.take(_once_by_prompt(keys, rows["prompt_id"].to_pylist()))

        def shown() -> Iterator[pa.RecordBatch]:
            return iter(once.to_batches())

        counts: dict[str, JudgeCounts] = {}
        minded: dict[str, set[str]] = {labeler.name: set() for labeler in judge.labelers}
        heard: set[str] = set()
        failed: set[str] = set()
        key_of = dict(zip(rows["row_id"].to_pylist(), keys, strict=True))
        with AnswerCache(self.answers) as answers:
            for votes, faults in judged(judge, shown, answers, runs=counts, say=say):
                for vote in votes.select(["sample_id", "row_id", "labeler", "vote"]).to_pylist():
                    heard.add(vote[key])
                    if vote["vote"] < 0:
                        minded[vote["labeler"]].add(vote[key])
                failed |= {key_of[row_id] for row_id in faults["row_id"].to_pylist()}
        if not counts[judge.name].n_unsent:  # then what has neither vote nor fault, the judge is not for
            heard = set(keys) - failed
        flags = {name: np.array([one in found for one in keys], dtype=bool) for name, found in minded.items()}
        return flags, np.array([one in heard for one in keys], dtype=bool)


def _once_by_prompt(keys: Sequence[str], prompts: Sequence[str]) -> pa.Array:
    """Return the first place of each key, prompt by prompt: what a budget reaches is then judged for both models."""
    first = {key: place for place, key in reversed(list(enumerate(keys)))}
    rank = {prompt: place for place, prompt in enumerate(dict.fromkeys(prompts))}
    return pa.array(sorted(first.values(), key=lambda place: (rank[prompts[place]], place)), pa.int64())
