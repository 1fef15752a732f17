"""Listed: samples that something else found worth a look, such as likely wrong labels, the first of the list first."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from kto_data.errors import InputError
from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Candidates, Floats, Strategy, proportional


@STRATEGIES.register("listed")
class Listed(Strategy):
    """The samples of Parquet files with a `sample_id`, in their order; the files take turns.

    Made for the trainer's `saturation.parquet` and for the suspects that the curation step `label_errors` lists. The
    first of the lists fill `share` of the batch and are certain; everything else shares the rest alike, so that every
    sample has a chance and what is measured on the batch can be weighted by it. `kto annotate push TARGET --from FILE`
    is short for it.
    """

    files: tuple[Path, ...] = Field(min_length=1)
    """The lists."""
    share: float = Field(0.9, gt=0.0, lt=1.0)
    """Of the batch; the rest is chosen fairly among all others."""

    def probabilities(self, candidates: Candidates, n: int) -> Floats:
        """Return 1 for the first of the lists, and the same for all others."""
        return np.asarray(sum(self.parts(candidates, n).values()), dtype=np.float64)

    def parts(self, candidates: Candidates, n: int) -> dict[str, Floats]:
        """Return what the lists give, and what chance gives the others.

        Raises:
            InputError: A file cannot be read, or none of the listed samples can be asked about.
        """
        n = min(n, len(candidates))
        place = {sample_id: at for at, sample_id in enumerate(candidates.sample_ids)}
        listed = [place[sample_id] for sample_id in self._in_turn() if sample_id in place]
        if not listed:
            names = ", ".join(map(str, self.files))
            raise InputError(
                f"{names}: no sample listed there can be asked about: all were, or are of another run"
            )
        listed_N = np.zeros(len(candidates))
        listed_N[listed[: min(n, max(1, round(self.share * n)))]] = 1.0
        rest = n - float(listed_N.sum())
        return {"listed": listed_N, "random": np.where(listed_N > 0, 0.0, _shared(1.0 - listed_N, rest))}

    def _in_turn(self) -> list[str]:
        """The listed samples, the files' first ones first; each once."""
        columns = [_sample_ids(path) for path in self.files]
        ranked = sorted(
            (rank, at, name) for at, column in enumerate(columns) for rank, name in enumerate(column)
        )
        return list(dict.fromkeys(name for _, _, name in ranked))


def _shared(open_N: Floats, n: float) -> Floats:
    if n <= 0 or not open_N.any():
        return np.zeros(len(open_N))
    return proportional(open_N, n)


def _sample_ids(path: Path) -> list[str]:
    try:
        column = pq.read_table(path, columns=["sample_id"]).column("sample_id")
    except (OSError, pa.ArrowException) as error:
        reason = str(error).splitlines()[0]
        raise InputError(f"{path}: no Parquet file with a column sample_id ({reason})") from None
    return [str(name) for name in column.to_pylist()]
