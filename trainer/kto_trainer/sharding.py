"""FSDP2: a model's layers lie in shares over the processes, each whole only while it computes.

`torch.distributed.fsdp.fully_shard` shards the transformer layers; embeddings, the last norm and the head stay whole in
every process, and their gradients are summed as without sharding. Every process must make the same number of passes,
for each fetches layers from all: see `Ranks.even`.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from kto_trainer.encoding import Tokens
from kto_trainer.errors import UnavailableError
from kto_trainer.forward import Forward, Limits
from kto_trainer.head import LossOf
from kto_trainer.model import Machine
from kto_trainer.ranks import is_sharded

IDLE = [Tokens([0], [0])]  # a pass of one token, where a process has nothing left to do and others have


@dataclass(slots=True)
class ShardedForward:
    """Another way to run a model, which also takes empty passes: they keep step with the other processes."""

    inner: Forward
    model: Any
    machine: Machine
    limits: Limits
    dropouts: list[torch.nn.Dropout]
    layers: list[Any]
    always_recompute: bool

    def token_logps(self, sequences: Sequence[Tokens]) -> Tensor:
        """See `Forward`."""
        if sequences:
            return self.inner.token_logps(sequences)
        return self.inner.token_logps(IDLE)[:0]

    def backward(self, sequences: Sequence[Tokens], loss_of: LossOf) -> tuple[Tensor, Tensor]:
        """See `Forward`."""
        if sequences:
            return self.inner.backward(sequences, loss_of)
        loss, logps_M = self.inner.backward(IDLE, lambda logps_M, *_: logps_M.sum() * 0.0)
        return loss, logps_M[:0]


def shard(forward: Forward) -> ShardedForward:
    """Shard the model's layers over all processes, in place.

    Raises:
        UnavailableError: The model has no layers that could be told apart.
    """
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard
    from transformers.modeling_layers import GradientCheckpointingLayer

    backbone = forward.model.base_model
    layers = [layer for layer in backbone.modules() if isinstance(layer, GradientCheckpointingLayer)]
    if not layers:
        raise UnavailableError(
            "fsdp: the model's layers cannot be told apart; pass `parallel: replicate`, or train adapters with lora.r"
        )
    policy = MixedPrecisionPolicy(reduce_dtype=torch.float32, cast_forward_inputs=False)
    for layer in layers:
        fully_shard(layer, mp_policy=policy)
    inside = {id(parameter) for layer in layers for parameter in layer.parameters()}
    outside = {parameter for parameter in backbone.parameters() if id(parameter) not in inside}
    fully_shard(backbone, mp_policy=policy, ignored_params=outside)
    for module in (*layers, backbone):
        module.set_gradient_divide_factor(1.0)  # losses are shares of the whole batch's: gradients are summed
        module.set_force_sum_reduction_for_comms(True)  # gloo knows no scaled sums
    return ShardedForward(
        forward, forward.model, forward.machine, forward.limits, [], forward.layers, forward.always_recompute
    )


def whole_weights(model: Any, first: bool) -> Mapping[str, Tensor] | None:
    """The weights of a model with sharded layers, put together on the CPU of the first process.

    None in the others (all must call it), and None where nothing is sharded: the model has them itself.
    """
    if not any(is_sharded(parameter) for parameter in model.parameters()):
        return None
    found = {}
    for name, value in model.state_dict(keep_vars=True).items():
        tensor = value.full_tensor() if is_sharded(value) else value
        if first:
            found[name] = tensor.detach().cpu()
    return found if first else None
