"""One decision over all samples: votes and gold in; labels, report cards and the desirable share out.

What the aggregate step, `kto aggregate` and `kto explain` have in common.

Shapes: N samples, M labelers, G gold samples.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from kto_data.aggregators.method import Aggregate, Gold, Method
from kto_data.aggregators.policy import NO_GOLD, Decided, Policy, decide
from kto_data.statistics.share import corrected_share
from kto_data.tables import add_view, database
from kto_data.votes.gold import known_among, selection
from kto_data.votes.report_card import Predictions, ReportCard, report_cards
from kto_data.votes.sample_ids import as_arrow, positions
from kto_data.votes.table import VoteTable

N_EXAMINED = 10_000
"""Samples on which a decision without each labeler is tried; one in so many of a larger table."""


@dataclass(frozen=True, slots=True, eq=False)
class Decision:
    """A decision with what there is to tell about it.

    Attributes:
        decided: Labels, disputes and the method's own answer.
        facts: JSON values: `decided_by`, `method`, `warnings`, `set_aside`, `gold`, `desirable_share`, `cards`.
    """

    decided: Decided
    facts: dict[str, Any]


def gold_of(
    table: pa.Table | None, votes: VoteTable, prompt_N: npt.NDArray[np.int64] | None = None
) -> tuple[Gold | None, int]:
    """Return a gold table as methods take it, and how many of its samples are not among the N."""
    if table is None:
        return None, 0
    mine, n_unknown = known_among(table, as_arrow(votes.sample_ids))
    p_selected = mine["p_selected"]
    return (
        Gold(
            positions(votes.sample_ids, mine["sample_id"].combine_chunks()),
            mine["label"].to_numpy(zero_copy_only=False).astype(bool),
            # one without a probability was drawn like all others, that is: surely, as far as anybody knows
            None
            if p_selected.null_count == len(p_selected)
            else pc.fill_null(p_selected, 1.0).to_numpy().astype(np.float64),
            prompt_N,
        ),
        n_unknown,
    )


def prompts_of(rows: Path, kept: Path, scratch: Path) -> npt.NDArray[np.int64]:
    """Return a number for the prompt of each kept sample, in the order of their ids.

    Args:
        rows: The rows.
        kept: The samples that go on.
        scratch: A folder to spill into.
    """
    with database(scratch) as con:
        add_view(con, "rows", rows)
        add_view(con, "kept", kept)
        found = con.execute(
            "SELECT dense_rank() OVER (ORDER BY prompt_id) AS prompt FROM (SELECT sample_id, min(prompt_id) AS prompt_id "
            "FROM rows SEMI JOIN kept USING (sample_id) GROUP BY sample_id) ORDER BY sample_id"
        ).fetchnumpy()
    return np.asarray(found["prompt"], dtype=np.int64)


def decide_all(
    votes: VoteTable,
    method: Method,
    policy: Policy,
    *,
    gold: Gold | None = None,
    n_unknown_gold: int = 0,
    vote_blocks: Sequence[Path] = (),
    cards: bool = True,
) -> Decision:
    """Decide every sample and tell what came of it.

    Args:
        votes: The votes.
        method: The aggregation method.
        policy: How its probabilities become labels.
        gold: Known labels.
        n_unknown_gold: Gold on other samples, for the record.
        vote_blocks: The long blocks, for scores.
        cards: Make a report card of each labeler; takes longer than the decision itself.
    """
    decided = decide(votes, method, policy, gold, p_selected_N=selection_of(votes, vote_blocks))
    counts = pc.value_counts(decided.labels["decided_by"].combine_chunks()).to_pylist()
    facts: dict[str, Any] = {
        "decided_by": {item["values"]: item["counts"] for item in counts},
        "method": decided.aggregate.method,
        "method_facts": json_values(dict(decided.aggregate.facts)),
        "warnings": list(decided.aggregate.warnings),
        "set_aside": asdict(votes.set_aside),
        "gold": {
            "n": len(gold) if gold else 0,
            "n_unknown": n_unknown_gold,
            "n_annotators_agree": (len(decided.gold) if decided.gold else 0) - (len(gold) if gold else 0),
        },
        "n_disputed": decided.disputes.num_rows,
        "desirable_share": _desirable_share(decided),
    }
    if cards:
        n_flipped, n_examined = flips_without(votes, method, policy, gold)
        facts["cards"] = json_values(_cards(votes, decided, n_flipped, n_examined, gold, vote_blocks))
    return Decision(decided, facts)


def json_values(value: Any) -> Any:
    """Return a value with None for what JSON lacks (NaN, infinity), and lists for tuples.

    >>> json_values({"a": (1, float("nan"))})
    {'a': [1, None]}
    """
    if isinstance(value, dict):
        return {key: json_values(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [json_values(item) for item in value]
    if isinstance(value, float | np.floating):
        return float(value) if np.isfinite(value) else None
    return value


def selection_of(votes: VoteTable, vote_blocks: Sequence[Path]) -> npt.NDArray[np.float64] | None:
    """Return with what probability annotators were given each of the N samples; None where no vote says."""
    names = [labeler.name for labeler in votes.labelers if labeler.kind == "annotator"]
    found = selection(vote_blocks, names) if names else None
    if found is None or not found.num_rows:
        return None
    at = positions(votes.sample_ids, found["sample_id"].combine_chunks())
    p_selected_N = np.full(len(votes.sample_ids), np.nan)
    p_selected_N[at[at >= 0]] = found["p_selected"].to_numpy()[at >= 0]
    return p_selected_N


def labelled(counts: pa.Table) -> dict[str, int]:
    """Return how many samples are desirable, undesirable and undecided."""
    n_desirable = pc.sum(counts["label"]).as_py() or 0
    n_undecided = counts["label"].null_count
    return {
        "n_samples": counts.num_rows,
        "n_desirable": n_desirable,
        "n_undesirable": counts.num_rows - n_desirable - n_undecided,
        "n_undecided": n_undecided,
    }


def _desirable_share(decided: Decided) -> dict[str, Any] | None:
    """Return the share of desirable samples, corrected for the method's errors by gold; None without gold."""
    gold, found = decided.gold, decided.aggregate
    if gold is None:
        return None
    estimate = corrected_share(
        found.p_desirable_N,
        gold_G=gold.label_G,
        p_held_out_G=_held_out(found, gold),
        weight_G=gold.importance(),
        group_G=None if gold.prompt_N is None else gold.prompt_N[gold.sample_G],
    )
    return json_values(asdict(estimate)) if estimate else None


def _cards(
    votes: VoteTable,
    decided: Decided,
    n_flipped: Sequence[int],
    n_examined: int,
    gold: Gold | None,
    vote_blocks: Sequence[Path],
) -> dict[str, dict[str, Any]]:
    """Return the cards by labeler; agreeing annotators are no judges of annotators, so gold alone is used there."""

    def against(known: Gold | None, predictions: Predictions | None = None) -> list[ReportCard]:
        known = NO_GOLD if known is None else known
        return report_cards(
            votes,
            sample_G=known.sample_G,
            label_G=known.label_G,
            weight_G=known.importance(),
            vote_blocks=vote_blocks,
            predictions=predictions,
        )

    cards = against(decided.gold, _predictions(decided))
    if decided.gold is not gold:
        strict = against(gold)
        cards = [
            strict[m] if labeler.kind == "annotator" else cards[m] for m, labeler in enumerate(votes.labelers)
        ]
    return {
        card.labeler: {
            **{key: value for key, value in asdict(card).items() if key != "labeler"},
            "n_flipped": flipped,
            "n_examined": n_examined,
        }
        for card, flipped in zip(cards, n_flipped, strict=True)
    }


def _predictions(decided: Decided) -> Predictions | None:
    gold = decided.gold
    if gold is None:
        return None
    return Predictions(
        decided.aggregate.p_desirable_N,
        _held_out(decided.aggregate, gold),
        None if gold.prompt_N is None else gold.prompt_N[gold.sample_G],
    )


def _held_out(found: Aggregate, gold: Gold) -> npt.NDArray[np.float64]:
    """Return the probabilities of gold samples made without their labels; a method that uses no gold made all so."""
    return found.p_desirable_N[gold.sample_G] if found.p_held_out_G is None else found.p_held_out_G


def flips_without(
    votes: VoteTable, method: Method, policy: Policy, gold: Gold | None
) -> tuple[list[int], int]:
    """Return how many samples would have another label (or none, or one) without each labeler, of how many examined.

    The method is fitted anew without it, on every k-th sample of a large table (ids are hashes, so these
    are a random choice) and on all gold; `calibrated` keeps what it chose by cross-validation.
    """
    votes, gold = _every_kth(votes, gold)
    whole = decide(votes, method, policy, gold)
    before = _codes(whole.labels)
    n_flipped = []
    for m, labeler in enumerate(votes.labelers):
        if labeler.mode == "shadow" or not (votes.labeler_V == m).any():
            n_flipped.append(0)
            continue
        rest = without(votes, m)
        after = decide(rest, method, policy, gold, before=whole.aggregate)
        n_flipped.append(int(np.count_nonzero(_codes(after.labels) != before)))
    return n_flipped, len(votes.sample_ids)


def without(votes: VoteTable, m: int) -> VoteTable:
    """Return the votes of all but one labeler, as if there were no such labeler."""
    rest = votes.where(votes.labeler_V != m)
    return replace(
        rest,
        labelers=[labeler for other, labeler in enumerate(votes.labelers) if other != m],
        labeler_V=(rest.labeler_V - (rest.labeler_V > m)).astype(votes.labeler_V.dtype),
    )


def _codes(labels: pa.Table) -> npt.NDArray[np.int8]:
    codes: npt.NDArray[np.int8] = pc.fill_null(pc.cast(labels["label"], pa.int8()), -1).to_numpy()
    return codes


def _every_kth(votes: VoteTable, gold: Gold | None) -> tuple[VoteTable, Gold | None]:
    n = len(votes.sample_ids)
    step = -(-n // N_EXAMINED)
    if step <= 1:
        return votes, gold
    chosen_N = np.zeros(n, dtype=bool)
    chosen_N[::step] = True
    if gold is not None:
        chosen_N[gold.sample_G] = True
    new_N = np.cumsum(chosen_N) - 1
    part = votes.where(chosen_N[votes.sample_V])
    ids = as_arrow(votes.sample_ids).filter(pa.array(chosen_N)).to_pylist()
    part = replace(part, sample_ids=ids, sample_V=new_N[part.sample_V])
    if gold is None:
        return part, None
    prompt_N = None if gold.prompt_N is None else gold.prompt_N[chosen_N]
    return part, Gold(new_N[gold.sample_G], gold.label_G, gold.p_selected_G, prompt_N)
