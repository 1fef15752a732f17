import pytest
import torch
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.logps import padded_token_logps
from kto_trainer.model import Machine

CPU = Machine(torch.device("cpu"), torch.float32)


@pytest.fixture
def sequences(tiny):
    encoder = Encoder(tiny[1], 64)
    return [
        encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in list(tiny[2].texts())[:7]
    ]


def test_each_token_is_predicted_by_the_position_before_it(tiny):
    prompt, completion = [5, 6, 7], [8, 9]
    logits = tiny[0](input_ids=torch.tensor([prompt + completion])).logits[0].log_softmax(-1)
    found = padded_token_logps(tiny[0], [Tokens(prompt, completion)], 0, CPU)
    assert found.tolist() == pytest.approx([logits[2, 8].item(), logits[3, 9].item()])


def test_values_do_not_depend_on_the_batch(tiny, sequences):
    alone = torch.cat([padded_token_logps(tiny[0], [one], 0, CPU) for one in sequences])
    together = padded_token_logps(tiny[0], sequences, 0, CPU)
    assert torch.allclose(together, alone, atol=1e-11, rtol=0)


def test_the_padding_token_plays_no_part(tiny, sequences):
    one, other = (padded_token_logps(tiny[0], sequences, pad, CPU) for pad in (0, 9))
    assert torch.equal(one, other)


def test_a_model_that_cannot_skip_logits_gives_the_same(tiny, sequences):
    class AllLogits(torch.nn.Module):
        def __init__(self, model):
            super().__init__()
            self.model = model

        def forward(self, input_ids, use_cache):
            return self.model(input_ids=input_ids, use_cache=use_cache)

    expected = padded_token_logps(tiny[0], sequences, 0, CPU)
    assert torch.allclose(padded_token_logps(AllLogits(tiny[0]), sequences, 0, CPU), expected, atol=1e-11)
