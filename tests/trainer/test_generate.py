import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from kto_trainer.encoding import Encoder
from kto_trainer.generate import answer, sample
from kto_trainer.model import Machine

CPU = Machine(torch.device("cpu"), torch.float32)


@pytest.mark.parametrize(
    ("temperature", "uniform", "token"),
    # probabilities .2, .5, .3: cumulative .2, .7, 1
    [(0, 0.99, 1), (1, 0.1, 0), (1, 0.2, 1), (1, 0.69, 1), (1, 0.71, 2), (1, 0.9999999, 2), (0.01, 0.99, 1)],
)
def test_sampling_inverts_the_distribution(temperature, uniform, token):
    logits = torch.tensor([[0.2, 0.5, 0.3]], dtype=torch.float64).log()
    assert sample(logits, temperature, torch.tensor([uniform], dtype=torch.float64)).tolist() == [token]


def test_answers_do_not_depend_on_the_batch_and_equal_a_plain_loop(tiny):
    model, tokenizer, split = tiny
    rows = sorted(split.texts())
    encoder = Encoder(tokenizer, 64)
    prompts = [
        encoder.encode_prompt(row.prompt, limit)
        for row, limit in zip(rows[::5], (64, 5, 30, 9, 64), strict=True)
    ]
    uniform = torch.rand(5, 12, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    stops = frozenset({encoder.eos})
    together = answer(model, prompts, stops, encoder.pad, uniform, 0.8, CPU)
    for prompt, drawn, found in zip(prompts, uniform, together, strict=True):
        ids, expected = list(prompt), []
        for u in drawn:  # no cache, no padding, one token at a time
            logits = model(input_ids=torch.tensor([ids])).logits[:, -1].float()
            expected.append(int(sample(logits, 0.8, u[None])))
            ids.append(expected[-1])
            if expected[-1] in stops:
                break
        assert found == expected


def test_an_answer_ends_with_its_stop_token(tiny):
    model = tiny[0]
    first = answer(model, [[5, 6]], frozenset(), 0, torch.zeros(1, 6), 0, CPU)[0]
    assert len(first) == 6
    assert answer(model, [[5, 6]], frozenset({first[0]}), 0, torch.zeros(1, 6), 0, CPU) == [first[:1]]


@pytest.mark.slow
@pytest.mark.xdist_group("trained")  # one worker makes the training that they share
def test_generations_are_a_table_that_the_seed_repeats(trained, make, tmp_path):
    data, out, _ = trained
    tables = []
    for name, source, size in (("a", ("--data", data), 64), ("b", ("--data", data), 3)):
        path = tmp_path / f"{name}.parquet"
        done = make.run(
            "generate", *source, "--model", out / "checkpoint", "--output", path, "--limit", 5, "--seed", 3,
            "--max-new-tokens", 20, "--batch-size", size,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        tables.append(pq.read_table(path))
    first = tables[0].to_pydict()
    assert tables[0].equals(tables[1])
    assert list(first) == ["prompt_id", "prompt", "completion", "n_tokens", "finish_reason"]
    assert len(set(first["prompt_id"])) == 5
    for completion, n_tokens, reason in zip(
        first["completion"], first["n_tokens"], first["finish_reason"], strict=True
    ):
        assert completion[0]["role"] == "assistant"
        assert reason == "stop" or n_tokens == 20


@pytest.mark.slow
@pytest.mark.xdist_group("trained")  # one worker makes the training that they share
def test_plain_prompts_from_a_file_are_answered(trained, make, tmp_path):
    pq.write_table(pa.table({"prompt_id": ["x"], "prompt": ["Tell me about tea."]}), tmp_path / "p.parquet")
    arguments = (
        "--model",
        trained[1] / "checkpoint",
        "--output",
        tmp_path / "g.parquet",
        "--max-new-tokens",
        5,
    )
    done = make.run("generate", "--prompts", tmp_path / "p.parquet", *arguments)
    assert done.returncode == 0, done.stderr
    assert pq.read_table(tmp_path / "g.parquet")["prompt"].to_pylist() == ["Tell me about tea."]
