"""The Levenshtein distance, many characters at a time.

Hyyrö 2003, "A Bit-Vector Algorithm for Computing Levenshtein and Damerau Edit Distances", Nordic Journal of Computing 10:
a column of the table of distances is two bit vectors (where it rises by one and where it falls), and Python's
integers are as long as the column.
"""

from kto_data.labelers.rules.limits import RowError

_MAX_CELLS = 10_000_000_000  # of the table; about ten seconds


def edit_distance(one: str, other: str, *, at_most: int) -> int | None:
    """Return how many edits lead from one text to another, None if more than `at_most`.

    Raises:
        RowError: Both texts are too long to compare.

    >>> edit_distance("kitten", "sitting", at_most=5), edit_distance("kitten", "sitting", at_most=2)
    (3, None)
    """
    one, other = _without_common_ends(one, other)
    if abs(len(one) - len(other)) > at_most:
        return None
    if len(one) * len(other) > _MAX_CELLS:
        raise RowError(f"texts of {len(one)} and {len(other)} characters are too long for an edit distance")
    distance = _distance(one, other) if one and other else len(one) + len(other)
    return distance if distance <= at_most else None


def _without_common_ends(one: str, other: str) -> tuple[str, str]:
    shorter = min(len(one), len(other))
    start = next((place for place in range(shorter) if one[place] != other[place]), shorter)
    left = shorter - start
    end = next((place for place in range(left) if one[-1 - place] != other[-1 - place]), left)
    return one[start : len(one) - end], other[start : len(other) - end]


def _distance(one: str, other: str) -> int:
    places: dict[str, int] = {}
    for place, character in enumerate(one):
        places[character] = places.get(character, 0) | 1 << place
    full, last = (1 << len(one)) - 1, 1 << len(one) - 1
    rises, falls, distance = full, 0, len(one)
    for character in other:
        same = places.get(character, 0)
        diagonal = (((same & rises) + rises) ^ rises) | same | falls
        up = falls | ~(diagonal | rises) & full
        down = diagonal & rises
        distance += (up & last > 0) - (down & last > 0)
        up, down = (up << 1 | 1) & full, down << 1 & full
        rises = down | ~(diagonal | up) & full
        falls = diagonal & up
    return distance
