import numpy as np
import pytest
import torch
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.ranks import Ranks
from kto_trainer.reference_cache import reference_logps, sequence_key


@pytest.fixture
def sequences(tiny):
    """Rows, and each prompt with the next row's completion."""
    encoder = Encoder(tiny[1], 64)
    own = [encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in tiny[2][:12]]
    return own + [item._replace(completion=own[(i + 1) % 12].completion) for i, item in enumerate(own)]


@pytest.mark.parametrize("cut", [{}, {"tokens": 1}, {"tokens": 120}, {"rows": 2}])
def test_shared_prompts_give_the_numbers_of_whole_sequences(tiny, sequences, forward_of, logps_of, cut):
    found = reference_logps(forward_of(tiny[0], **cut), sequences, True, None, Ranks())
    assert torch.allclose(found.sums, logps_of(tiny[0], sequences), atol=1e-10)
    assert [len(values) for values in found.tokens] == [len(item.completion) for item in sequences]
    assert found.tokens[3].sum().item() == pytest.approx(found.sums[3].item())


def test_a_second_run_computes_nothing_and_a_grown_dataset_only_what_is_new(
    tiny, sequences, forward_of, tmp_path
):
    forward = forward_of(tiny[0])
    n_distinct = len(set(map(sequence_key, sequences)))
    first = reference_logps(forward, sequences[:20], False, tmp_path, Ranks())
    again = reference_logps(forward, sequences[:20][::-1], False, tmp_path, Ranks())
    assert (first.n_cached, again.n_computed) == (0, 0)
    assert torch.equal(again.sums.flip(0), first.sums)
    grown = reference_logps(forward, sequences, False, tmp_path, Ranks())
    assert grown.n_computed == n_distinct - again.n_cached
    assert torch.equal(grown.sums[:20], first.sums)


def test_sums_do_not_serve_a_loss_that_needs_tokens_but_tokens_serve_both(
    tiny, sequences, forward_of, tmp_path
):
    forward = forward_of(tiny[0])
    reference_logps(forward, sequences, False, tmp_path, Ranks())
    by_token = reference_logps(forward, sequences, True, tmp_path, Ranks())
    assert by_token.n_cached == 0
    assert reference_logps(forward, sequences, True, tmp_path, Ranks()).n_computed == 0


def test_a_damaged_part_is_computed_again(tiny, sequences, forward_of, tmp_path):
    forward = forward_of(tiny[0])
    first = reference_logps(forward, sequences, False, tmp_path, Ranks())
    (part,) = tmp_path.glob("*.parquet")
    part.write_bytes(part.read_bytes()[:100])
    again = reference_logps(forward, sequences, False, tmp_path, Ranks())
    assert again.n_cached == 0
    assert torch.equal(again.sums, first.sums)


def test_the_border_between_prompt_and_completion_is_part_of_the_key():
    assert sequence_key(Tokens([1, 2], [3])) != sequence_key(Tokens([1], [2, 3]))
    assert sequence_key(Tokens([1, 2], [3])) == sequence_key(Tokens(*map(list, np.array([[1, 2]])), [3]))


def test_the_folder_depends_on_the_weights_and_the_arithmetic_and_on_nothing_else(tiny, tmp_path):
    from kto_trainer.identity import reference_folder
    from kto_trainer.model import Machine
    from kto_trainer.output import save_model

    def folder(dtype=torch.float32):
        machine = Machine(torch.device("cpu"), dtype)
        return reference_folder(tmp_path / "data", str(tmp_path / "model"), tiny[0], machine)

    save_model(tmp_path / "model", tiny[0], tiny[1], {})
    first = folder()
    assert first.parent == tmp_path / "data" / ".cache" / "reference"
    assert folder(torch.bfloat16) != first
    save_model(tmp_path / "model", tiny[0], tiny[1], {"beta": 7})  # other times of change, the same weights
    assert folder() == first
    with torch.no_grad():
        next(tiny[0].parameters()).add_(1)
    save_model(tmp_path / "model", tiny[0], tiny[1], {})
    assert folder() != first
