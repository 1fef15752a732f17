"""How well the model that learns tells held-out rows apart: its implicit rewards' AUC, and when to stop for it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np

from kto_trainer.dataset import Split
from kto_trainer.encoding import Encoder
from kto_trainer.forward import Forward
from kto_trainer.lora import adapters_off
from kto_trainer.options import TrainOptions
from kto_trainer.packing import n_read
from kto_trainer.ranks import Ranks
from kto_trainer.reference import compute
from kto_trainer.reference_cache import reference_logps
from kto_trainer.sequences import Listed
from kto_trainer.streams import EVALUATION, stream
from kto_trainer.token_store import stored_tokens


def auc(scores: Sequence[float] | np.ndarray, labels: Sequence[bool] | np.ndarray) -> float | None:
    """The chance that a desirable row scores above an undesirable one, ties half; None without both classes.

    Example:
        >>> auc([0.1, 0.4, 0.3, 0.9], [False, False, True, True])
        0.75
    """
    values = np.asarray(scores)
    truth = np.asarray(labels, dtype=bool)
    n_pairs = int(truth.sum()) * int((~truth).sum())
    if not n_pairs:
        return None
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    return float((ranks[truth].sum() - truth.sum() * (truth.sum() + 1) / 2) / n_pairs)


@dataclass(frozen=True, slots=True, eq=False)
class HeldOut:
    """Some rows of a split that is not trained on, in memory: at most `eval_rows`, drawn once for all runs."""

    sequences: Listed
    labels_N: np.ndarray
    beta: float
    name: str  # of the split that they are of

    @classmethod
    def of(
        cls, split: Split, encoder: Encoder, options: TrainOptions, say: Callable[[str], None], *, keep: bool
    ) -> "HeldOut":
        """Read the rows of a split."""
        chosen = np.sort(stream(0, EVALUATION).permutation(len(split))[: options.eval_rows])
        tokens = stored_tokens(split, encoder, say, keep=keep)
        rows = [tokens[int(i)] for i in chosen]
        return cls(Listed(rows), split.labels_N[chosen], options.beta, split.name)

    def reference(self, forward: Forward, cache: Path | None, ranks: Ranks) -> np.ndarray:
        """The reference's log-probabilities of the rows, with the model's adapters off; nats; [N]."""
        with adapters_off(forward.model):
            return reference_logps(forward, self.sequences, False, cache, ranks).sums()

    def measure(self, forward: Forward, ref_logps_N: np.ndarray, ranks: Ranks) -> dict[str, float | None]:
        """AUC and mean rewards by label of the model as it is now."""
        rows = list(self.sequences)
        mine = ranks.share([n_read(item) for item in rows])
        logps_N = np.zeros(len(rows))
        sums = [float(item.double().sum()) for item in compute(forward, [rows[i] for i in mine], ranks)]
        for numbers, found in ranks.gather((mine, sums)):
            logps_N[numbers] = found
        rewards_N = self.beta * (logps_N - ref_logps_N)
        if not np.isfinite(rewards_N).all():  # the training itself will say so, and name the rows
            return {"eval/auc": None}
        chosen, rejected = rewards_N[self.labels_N], rewards_N[~self.labels_N]
        means = [float(part.mean()) if len(part) else None for part in (chosen, rejected)]
        margin = None if means[0] is None or means[1] is None else means[0] - means[1]
        return {
            "eval/auc": auc(rewards_N, self.labels_N),
            "eval/rewards/chosen": means[0],
            "eval/rewards/rejected": means[1],
            "eval/rewards/margins": margin,
        }


@dataclass(slots=True)
class EarlyStopping:
    """Stops when the held-out AUC has not grown for `patience` evaluations, and remembers where it was best."""

    patience: int | None
    best_step: int = 0
    best_auc: float | None = None
    n_since: int = 0

    def add(self, step: int, value: float | None) -> bool:
        """Take an evaluation; returns whether it is the best so far. Without patience nothing is remembered."""
        if self.patience is None or value is None:
            return False
        better = self.best_auc is None or value > self.best_auc
        if better:
            self.best_step, self.best_auc, self.n_since = step, value, 0
        else:
            self.n_since += 1
        return better

    @property
    def stops(self) -> bool:
        """Whether patience is at its end."""
        return self.patience is not None and self.n_since >= self.patience

    def notes(self) -> dict[str, Any]:
        """What a resumed run needs."""
        return asdict(self)
