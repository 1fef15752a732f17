"""Losses: one pure function a file, from log-probabilities to one loss a row.

`LOSSES` lists them by the name that the option `loss_type` takes. A new loss is a file here and a line there.
"""

from collections.abc import Callable
from typing import NamedTuple

from kto_trainer.losses.apo_zero_unpaired import apo_zero_unpaired_loss
from kto_trainer.losses.kto import KtoLoss, kto_loss


class Loss(NamedTuple):
    """A loss and what it needs.

    `function` takes policy_logps_B, ref_logps_B, labels_B, z0 and, by name, beta, desirable_weight,
    undesirable_weight and row_weights_B. `needs_pairs`: z0 comes from mismatched pairs (else it is 0). `by_token`: the
    ratios are clamped token by token first, so the reference's log-probabilities are kept by token.
    """

    function: Callable[..., KtoLoss]
    needs_pairs: bool
    by_token: bool


LOSSES = {
    "kto": Loss(kto_loss, needs_pairs=True, by_token=False),
    "apo_zero_unpaired": Loss(apo_zero_unpaired_loss, needs_pairs=False, by_token=False),
    "humanline": Loss(kto_loss, needs_pairs=True, by_token=True),
}
