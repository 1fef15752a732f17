"""The votes of a run as arrays: one entry for each (sample, labeler) that voted.

Shapes: N samples, M labelers, V entries.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kto_data.votes.labelers import Labeler
from kto_data.votes.pool import Pooled, pool_votes
from kto_data.votes.sample_ids import SampleIds
from kto_data.votes.set_aside import SetAside

Ints = npt.NDArray[np.int64]
Indices = npt.NDArray[np.int32]
Counts = npt.NDArray[np.signedinteger[Any]]
Positions = npt.NDArray[np.signedinteger[Any]]
Floats = npt.NDArray[np.float64]

_ENTRIES_AT_ONCE = 1 << 20
"""Bounds the memory of sums."""


@dataclass(frozen=True, slots=True)
class VoteTable:
    """Votes, sparse: abstentions and "not applicable" have no entry.

    Attributes:
        sample_ids: The N samples, sorted.
        labelers: The M labelers.
        sample_V: Index of each entry's sample.
        labeler_V: Index of each entry's labeler.
        up_V: How often it voted desirable; at most 1 for a labeler about content, unless several people
            answer under its name.
        down_V: How often it voted undesirable; likewise.
        set_aside: Votes that were found and do not count.
    """

    sample_ids: Sequence[str]
    labelers: Sequence[Labeler]
    sample_V: Positions
    labeler_V: Indices
    up_V: Counts
    down_V: Counts
    set_aside: SetAside = field(default_factory=SetAside)

    @property
    def n_unknown(self) -> int:
        """Votes on samples that are not among the N."""
        return self.set_aside.n_unknown

    def of(self, chosen: Sequence[bool] | npt.NDArray[np.bool_]) -> "VoteTable":
        """Return the votes of the chosen labelers (M truth values) alone; the samples stay."""
        keep_V = np.asarray(chosen, dtype=bool)[self.labeler_V]
        return self.where(keep_V)

    def where(self, keep_V: npt.NDArray[np.bool_]) -> "VoteTable":
        """Return the entries that are marked; samples and labelers stay."""
        if keep_V.dtype == bool and keep_V.all():
            return self
        return replace(
            self,
            sample_V=self.sample_V[keep_V],
            labeler_V=self.labeler_V[keep_V],
            up_V=self.up_V[keep_V],
            down_V=self.down_V[keep_V],
        )

    def per_sample(self, values_V: npt.NDArray[np.generic]) -> Floats:
        """Return the sum of an entry's values for each of the N samples."""
        return _sums(self.sample_V, values_V, len(self.sample_ids))

    def evidence(self, for_M: Floats, against_M: Floats) -> Floats:
        """Return the sum, for each of the N samples, of what its votes are worth: those for and those against."""
        sums = np.zeros(len(self.sample_ids))
        for start in range(0, len(self.sample_V), _ENTRIES_AT_ONCE):
            part = slice(start, start + _ENTRIES_AT_ONCE)
            labeler_V = self.labeler_V[part]
            worth_V = for_M[labeler_V] * self.up_V[part] + against_M[labeler_V] * self.down_V[part]
            sums += np.bincount(self.sample_V[part], weights=worth_V, minlength=len(sums))
        return sums

    def per_labeler(self, values_V: npt.NDArray[np.generic]) -> Floats:
        """Return the sum of an entry's values for each of the M labelers."""
        return _sums(self.labeler_V, values_V, len(self.labelers))


def _sums(index_V: Positions, values_V: npt.NDArray[np.generic], n: int) -> Floats:
    """Return the sum of the values of each index; some at a time, for `bincount` copies what it is given."""
    sums = np.zeros(n)
    for start in range(0, len(index_V), _ENTRIES_AT_ONCE):
        part = slice(start, start + _ENTRIES_AT_ONCE)
        sums += np.bincount(index_V[part], weights=values_V[part], minlength=n)
    return sums


def load_votes(
    labelers: Sequence[Labeler],
    *,
    samples: Path | None,
    rule_blocks: Sequence[Path],
    vote_blocks: Sequence[Path],
    rows: Path | None = None,
) -> VoteTable:
    """Return the votes of blocks, pooled per sample, with the labelers' caps applied.

    Equal rows share a sample: a labeler about content has one vote there, one about events (a
    thumb) as many as there were events. Of a long block only the labeler's version counts, and of
    several votes of one user on one sample (or event) the newest.

    Args:
        labelers: Whose votes to take; votes of others are ignored.
        samples: Parquet with the `sample_id`s that are meant; None means those that the blocks speak of.
        rule_blocks: Wide blocks.
        vote_blocks: Long blocks.
        rows: The rows, for the columns that caps count by; needed when a labeler has a cap.

    Raises:
        InputError: A cap counts by a column that the rows do not have, or a block lacks a column.
    """
    pooled = pool_votes(
        labelers,
        samples=samples,
        rule_blocks=rule_blocks,
        vote_blocks=vote_blocks,
        rows=rows,
    )
    return as_table(labelers, pooled)


def as_table(labelers: Sequence[Labeler], pooled: Pooled) -> VoteTable:
    """Return pooled votes as a vote table."""
    return VoteTable(
        SampleIds(pooled.sample_ids),
        labelers,
        pooled.sample_V,
        pooled.labeler_V,
        pooled.up_V,
        pooled.down_V,
        pooled.set_aside,
    )


def strongest_of_groups(votes: VoteTable) -> VoteTable:
    """Return the votes with only the strongest of each group on each sample.

    Strength is weight (None counts as 1), then priority, then the labelers' order.
    """
    groups = {
        group: number
        for number, group in enumerate(sorted({lab.group for lab in votes.labelers if lab.group}))
    }
    if not groups:
        return votes
    group_V = np.array([groups[lab.group] if lab.group else -1 for lab in votes.labelers])[votes.labeler_V]
    order = sorted(
        range(len(votes.labelers)),
        key=lambda m: (
            -(1.0 if (weight := votes.labelers[m].weight) is None else weight),
            -votes.labelers[m].priority,
            m,
        ),
    )
    rank_V = np.argsort(order)[votes.labeler_V]
    keep_V = group_V < 0
    grouped = np.flatnonzero(~keep_V)
    by_strength = grouped[np.lexsort((rank_V[grouped], group_V[grouped], votes.sample_V[grouped]))]
    pairs = np.stack([votes.sample_V[by_strength], group_V[by_strength]])
    first = np.ones(len(by_strength), dtype=bool)
    first[1:] = (pairs[:, 1:] != pairs[:, :-1]).any(axis=0)
    keep_V[by_strength[first]] = True
    return votes.where(keep_V)
