import pytest
import torch
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.logps import all_completion_logps, completion_logps
from kto_trainer.model import Machine

CPU = Machine(torch.device("cpu"), torch.float32)


@pytest.fixture
def sequences(tiny):
    encoder = Encoder(tiny[1], 64)
    return [encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in tiny[2][:7]]


def test_the_sum_is_that_of_the_completions_tokens_one_by_one(tiny):
    model = tiny[0]
    prompt, completion = [5, 6, 7], [8, 9]
    logits = model(input_ids=torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
    expected = logits[2, 8] + logits[3, 9]  # the position before a token predicts it
    assert completion_logps(model, [Tokens(prompt, completion)], 0, CPU).item() == pytest.approx(
        expected.item()
    )


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_values_do_not_depend_on_the_batch(tiny, sequences, size):
    alone = torch.stack([completion_logps(tiny[0], [one], 0, CPU)[0] for one in sequences])
    together = all_completion_logps(tiny[0], sequences, 0, CPU, size)
    assert torch.allclose(together, alone, atol=1e-11, rtol=0)


def test_the_padding_token_plays_no_part(tiny, sequences):
    one, other = (completion_logps(tiny[0], sequences, pad, CPU) for pad in (0, 9))
    assert torch.equal(one, other)


def test_a_model_that_cannot_skip_logits_gives_the_same(tiny, sequences):
    class AllLogits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, input_ids, use_cache):
            return self.model(input_ids=input_ids, use_cache=use_cache)

    expected = completion_logps(tiny[0], sequences, 0, CPU)
    assert torch.allclose(completion_logps(AllLogits(tiny[0]), sequences, 0, CPU), expected, atol=1e-11)
