"""One histogram for two classes: the same bins, so that the shapes can be compared.

Shapes: N rows, B bins.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

DEFAULT_BINS = 24


@dataclass(frozen=True, slots=True)
class ClassHistogram:
    """Counts of desirable and undesirable rows by value.

    Attributes:
        edges: B + 1 rising bin edges; a bin holds its lower edge, the last one both.
        n_desirable: Desirable rows in each of the B bins.
        n_undesirable: Undesirable rows in each.
        n_below: Rows, of both labels, left of the first edge (cut-off tail).
        n_above: Rows right of the last edge.
    """

    edges: tuple[float, ...]
    n_desirable: tuple[int, ...]
    n_undesirable: tuple[int, ...]
    n_below: int
    n_above: int


def histogram_by_class(
    values_N: npt.NDArray[np.float64],
    labels_N: npt.NDArray[np.bool_],
    *,
    n_bins: int = DEFAULT_BINS,
    tail: float = 0.005,
) -> ClassHistogram | None:
    """Count the rows of each label in equally wide bins; None without a finite value.

    Bins span the values but for a share of `tail` at each end, because one 10 MB completion would
    otherwise squeeze all others into the first bin; what lies outside is counted apart. Values that
    are not finite are in no bin and in no tail.

    Args:
        values_N: A value a row, such as its length or its implicit reward.
        labels_N: True = desirable.
        n_bins: How many bins.
        tail: The share of values that may lie outside at each end, in [0, 0.5).

    >>> values, labels = np.array([0.0, 1.0, 2.0, 3.0, 4.0]), np.array([True, True, False, True, False])
    >>> histogram_by_class(values, labels, n_bins=2, tail=0.0)
    ClassHistogram(edges=(0.0, 2.0, 4.0), n_desirable=(2, 1), n_undesirable=(0, 2), n_below=0, n_above=0)
    """
    finite_N = np.isfinite(values_N)
    if not finite_N.any():
        return None
    values, desirable = values_N[finite_N], labels_N[finite_N].astype(bool)
    low, high = np.quantile(values, [tail, 1 - tail], method="nearest")
    edges = np.histogram_bin_edges(values, bins=n_bins, range=(float(low), float(high)))
    n_desirable, _ = np.histogram(values[desirable], bins=edges)
    n_undesirable, _ = np.histogram(values[~desirable], bins=edges)
    return ClassHistogram(
        edges=tuple(float(edge) for edge in edges),
        n_desirable=tuple(int(n) for n in n_desirable),
        n_undesirable=tuple(int(n) for n in n_undesirable),
        n_below=int(np.count_nonzero(values < edges[0])),
        n_above=int(np.count_nonzero(values > edges[-1])),
    )
