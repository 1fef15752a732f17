"""Which rows a training learns from, and which tell its held-out AUC. Free of torch, so that mistakes are told at once.

Early stopping chooses the checkpoint, so the rows that it looks at flatter what was chosen. It never looks at the split
`test`, which evaluations report: it looks at `validation` or, where the dataset has none, at train rows held aside.
"""

from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow.compute as pc

from kto_trainer.dataset import Split, has_rows, read_split, require_both_classes
from kto_trainer.errors import TrainerError
from kto_trainer.options import TrainOptions
from kto_trainer.streams import HELD_ASIDE, stream

VALIDATION = "validation"
REPORTED = "test"
SHARE = 0.1  # of the train rows, where early stopping needs some of them


class TrainRows(NamedTuple):
    """The rows to learn from, and those whose AUC is told while training; None where there are none."""

    train: Split
    held_out: Split | None


def read_rows(data: Path, options: TrainOptions) -> TrainRows:
    """Read and verify what a training needs of a dataset folder.

    Raises:
        TrainerError: The folder is no good, the train rows have one label, or training is to stop early and no rows can
            tell it when.
    """
    train = read_split(data, "train")
    require_both_classes(train.labels_N, str(data))
    stops = options.early_stopping_patience is not None
    if stops and options.eval_split == REPORTED:
        raise _no_stopping(
            f"eval_split is {REPORTED!r}, whose figures are reported: a checkpoint that it chose would look better than it is"
        )
    if stops and not options.eval_rows:
        raise _no_stopping("eval_rows is 0")
    name = options.eval_split or (VALIDATION if stops else REPORTED)
    if options.eval_rows and has_rows(data, name):
        held_out = read_split(data, name)
        if stops and not _has_both(held_out):
            raise _no_stopping(f"all rows of the split {name!r} have one label")
        return TrainRows(train, held_out)
    if not stops:
        return TrainRows(train, None)
    if options.eval_split is not None:
        raise _no_stopping(f"the split {name!r} (eval_split) has no rows")
    return hold_aside(train, options.eval_rows, options.seed)


def hold_aside(train: Split, n_rows: int, seed: int) -> TrainRows:
    """Part the train rows by prompt, at random: a tenth of them, or `n_rows` if that is less, are not learnt from.

    Raises:
        TrainerError: One of the two parts would have one label only.
    """
    prompts = pc.dictionary_encode(train.columns(("prompt_id",)).column("prompt_id").combine_chunks())
    prompt_N = np.asarray(prompts.indices)
    order_K = stream(seed, HELD_ASIDE).permutation(len(prompts.dictionary))
    rows_K = np.cumsum(np.bincount(prompt_N)[order_K])
    n_prompts = int(np.searchsorted(rows_K, min(SHARE * len(train), n_rows))) + 1
    aside_N = np.isin(prompt_N, order_K[:n_prompts])
    held_out = train.part(aside_N, f"train, held aside with seed {seed}")
    left = train.part(~aside_N, f"train, without what was held aside with seed {seed}")
    if not (_has_both(held_out) and _has_both(left)):
        raise _no_stopping(
            f"the dataset has no split {VALIDATION!r}, and {len(held_out)} of {len(train)} train rows held aside by prompt "
            "leave one part without both labels"
        )
    return TrainRows(left, held_out)


def _has_both(split: Split) -> bool:
    return bool(split.labels_N.any()) and not split.labels_N.all()


def _no_stopping(why: str) -> TrainerError:
    return TrainerError(
        f"early_stopping_patience: {why}; give the dataset a split {VALIDATION!r} of both labels or more train rows, "
        "leave eval_split to its default, or leave early stopping out"
    )
