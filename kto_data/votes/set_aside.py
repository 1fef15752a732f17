"""Votes that do not count, and why: counted here, and kept where they are."""

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class SetAside:
    """Votes (or scores, or files) that were found and left out.

    Attributes:
        n_unknown: Votes on samples that are not among those meant.
        n_superseded: Votes of an older version of a labeler, or of a user who later changed their mind.
        n_duplicates: Votes that say again what the same labeler (and user) said of the same sample or event.
        n_invalid: Votes that are none: null, or another number than 1, -1 and 0.
        n_bad_scores: Scores that are no finite number; the votes that they came with count.
        damaged: Files that could not be read, each as `name: why`.
    """

    n_unknown: int = 0
    n_superseded: int = 0
    n_duplicates: int = 0
    n_invalid: int = 0
    n_bad_scores: int = 0
    damaged: tuple[str, ...] = ()

    def messages(self) -> Iterator[str]:
        """Yield a sentence for each kind that was found.

        >>> list(SetAside(n_unknown=2, n_duplicates=1000).messages())
        ['2 votes are on samples that are not among the rows', '1,000 votes repeat a vote and count once']
        """
        for count, one, many in (
            (self.n_unknown, "vote is on a sample that is not among the rows", None),
            (self.n_superseded, "vote is superseded by a newer one", "votes are superseded by newer ones"),
            (self.n_duplicates, "vote repeats another and counts once", "votes repeat a vote and count once"),
            (self.n_invalid, "vote is neither 1, -1 nor 0", "votes are neither 1, -1 nor 0"),
            (
                self.n_bad_scores,
                "score is no finite number; its vote counts without it",
                "scores are no finite numbers; their votes count without them",
            ),
        ):
            if count:
                plural = many or "votes are on samples that are not among the rows"
                yield f"{count:,} {one if count == 1 else plural}"
        for file in self.damaged:
            yield f"left out, all else counts: {file}"
