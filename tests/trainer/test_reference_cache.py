import pytest
import torch
from kto_trainer.encoding import Encoder
from kto_trainer.ranks import Ranks
from kto_trainer.reference_cache import reference_logps
from kto_trainer.sequences import Listed


@pytest.fixture
def sequences(tiny):
    """Rows, and each prompt with the next row's completion."""
    encoder = Encoder(tiny[1], 64)
    rows = list(tiny[2].texts())[:12]
    own = [encoder.fit(encoder.encode(row.prompt, row.completion)).tokens for row in rows]
    return own + [item._replace(completion=own[(i + 1) % 12].completion) for i, item in enumerate(own)]


@pytest.mark.parametrize("cut", [{}, {"tokens": 1}, {"tokens": 120}, {"rows": 2}])
def test_shared_prompts_give_the_numbers_of_whole_sequences(tiny, sequences, forward_of, logps_of, cut):
    found = reference_logps(forward_of(tiny[0], **cut), Listed(sequences), True, None, Ranks())
    picked = found.pick(range(len(sequences)))
    assert torch.allclose(picked.sums_B, logps_of(tiny[0], sequences), atol=1e-10)
    assert picked.sums_B.tolist() == found.sums().tolist()
    assert [len(values) for values in picked.tokens_B] == [len(item.completion) for item in sequences]
    assert picked.tokens_B[3].sum().item() == pytest.approx(found.sums()[3])


def test_a_second_run_computes_nothing_and_a_grown_dataset_only_what_is_new(
    tiny, sequences, forward_of, tmp_path
):
    forward = forward_of(tiny[0])
    n_distinct = len({(tuple(a), tuple(b)) for a, b in sequences})
    first = reference_logps(forward, Listed(sequences[:20]), False, tmp_path, Ranks())
    again = reference_logps(forward, Listed(sequences[:20][::-1]), False, tmp_path, Ranks())
    assert (first.n_cached, again.n_computed) == (0, 0)
    assert again.sums()[::-1].tolist() == first.sums().tolist()
    grown = reference_logps(forward, Listed(sequences), False, tmp_path, Ranks())
    assert grown.n_computed == n_distinct - again.n_cached
    assert grown.sums()[:20].tolist() == first.sums().tolist()


def test_sums_do_not_serve_a_loss_that_needs_tokens_but_tokens_serve_both(
    tiny, sequences, forward_of, tmp_path
):
    forward = forward_of(tiny[0])
    reference_logps(forward, Listed(sequences), False, tmp_path, Ranks())
    by_token = reference_logps(forward, Listed(sequences), True, tmp_path, Ranks())
    assert by_token.n_cached == 0
    assert reference_logps(forward, Listed(sequences), True, tmp_path, Ranks()).n_computed == 0


def test_a_cache_that_cannot_be_written_costs_the_run_nothing_but_a_message(
    tiny, sequences, forward_of, tmp_path, monkeypatch
):
    from kto_trainer import reference_cache

    def full(path, _):
        path.with_name(path.name + ".partial").write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(reference_cache, "write_parquet", full)
    said = []
    found = reference_logps(forward_of(tiny[0]), Listed(sequences), False, tmp_path, Ranks(), said.append)
    assert found.known_K.all()
    assert "No space left on device" in said[0]
    assert list(tmp_path.glob("*.parquet*")) == []


def test_a_damaged_part_is_computed_again(tiny, sequences, forward_of, tmp_path):
    forward = forward_of(tiny[0])
    first = reference_logps(forward, Listed(sequences), False, tmp_path, Ranks())
    (part,) = tmp_path.glob("*.parquet")
    part.write_bytes(part.read_bytes()[:100])
    again = reference_logps(forward, Listed(sequences), False, tmp_path, Ranks())
    assert again.n_cached == 0
    assert again.sums().tolist() == first.sums().tolist()


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
