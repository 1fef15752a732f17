import pytest
import torch
from kto_trainer.encoding import Tokens
from kto_trainer.errors import TrainerError
from kto_trainer.options import LoraOptions, TrainOptions
from kto_trainer.ranks import Ranks
from kto_trainer.setup import shards
from kto_trainer.sharding import ShardedForward, whole_weights


@pytest.mark.parametrize(
    ("parallel", "rank", "expected"),
    [("auto", 0, True), ("auto", 4, False), ("replicate", 0, False), ("shard", 0, True)],
)
def test_layers_lie_in_shares_where_all_weights_are_trained(parallel, rank, expected):
    assert shards(TrainOptions(parallel=parallel, lora=LoraOptions(r=rank))) == expected


def test_adapters_are_not_sharded():
    with pytest.raises(TrainerError, match="parallel: shard is for training all weights"):
        shards(TrainOptions(parallel="shard", lora=LoraOptions(r=4)))


def test_an_empty_pass_keeps_step_and_adds_nothing(tiny, forward_of):
    inner = forward_of(tiny[0])
    forward = ShardedForward(inner, inner.model, inner.machine, inner.limits, [], [], False)
    loss, logps = forward.backward([], lambda logps_M, *_: logps_M.sum())
    assert (loss.item(), len(logps), len(forward.token_logps([]))) == (0.0, 0, 0)
    gradients = [parameter.grad for parameter in inner.model.parameters()]
    assert all(gradient is not None and not gradient.any() for gradient in gradients)
    sequence = [Tokens([3, 4], [5, 6])]
    assert torch.equal(forward.token_logps(sequence), inner.token_logps(sequence))


def test_a_model_in_one_process_has_its_own_weights_and_its_passes_stay_as_they_are(tiny):
    assert whole_weights(tiny[0], first=True) is None
    assert Ranks().even([[0, 1], [2]]) == [[0, 1], [2]]
