"""Training and scoring on more text than they may take memory for."""

import json
import subprocess
import sys

import numpy as np
import pytest
import torch

# One worker makes the training that they share.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("trained")]

FEW, MANY, CHARS = 1500, 5000, 24_000
# The most memory of its own: what getrusage tells can be that of the process that started it.
MEASURE = """
import sys
from kto_trainer.cli import main
code = main(sys.argv[1:])
status = open("/proc/self/status").read()
print(int(status.partition("VmHWM:")[2].split()[0]) // 1024, file=sys.stderr)
sys.exit(code)
"""


def peak_mib(*arguments):
    """What a command prints, and the peak of its resident memory."""
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", MEASURE, *map(str, arguments), "--json"],
        capture_output=True,
        text=True,
        check=False,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout), int(done.stderr.split()[-1])


def write(make, folder, n_rows):
    """Polite and rude rows, of which each completion goes on for so many characters."""
    words = " ".join(np.random.default_rng(0).choice(["tea", "rain", "maps", "bread", "stars"], CHARS))
    rows = make.polite_rows(n_rows)
    for number, row in enumerate(rows):
        row["completion"][0]["content"] += words[number : number + CHARS]
    return make.dataset(folder, rows)


def test_texts_many_times_larger_than_the_memory_taken_for_them_train_and_score(trained, make, tmp_path):
    start = trained[1] / "reference"
    lengths = ("--max-length", 48)
    peaks = {}
    for n_rows in (FEW, MANY):
        folder = tmp_path / str(n_rows)
        data = write(make, folder / "data", n_rows)
        train = ("train", "--data", data, "--output", folder / "out", "--model", start, "--sft-epochs", 0)
        result, peaks[n_rows, "train"] = peak_mib(*train, *lengths)
        half = n_rows // 2
        assert result["counts"]["completions_truncated"] == {"desirable": half, "undesirable": half}
        score = ("score", "--data", data, "--model", folder / "out" / "checkpoint", "--reference", start)
        more = (*lengths, "--split", "train", "--output", folder / "scores.parquet")
        _, peaks[n_rows, "score"] = peak_mib(*score, *more)
    text_mib = (MANY - FEW) * CHARS / 2**20
    for command in ("train", "score"):
        assert peaks[MANY, command] - peaks[FEW, command] < text_mib / 3


def llama(hidden=256, layers=4):
    from transformers import LlamaConfig, LlamaForCausalLM

    with torch.device("meta"):
        return LlamaForCausalLM(
            LlamaConfig(vocab_size=1000, hidden_size=hidden, intermediate_size=688, num_hidden_layers=layers, num_attention_heads=4)
        )  # fmt: skip


def test_the_need_of_full_training_and_of_adapters_is_arithmetic():
    from kto_trainer.memory import need
    from kto_trainer.model import Machine
    from kto_trainer.options import LoraOptions, TrainOptions

    shape, cpu = llama(), Machine(torch.device("cpu"), torch.float32)
    n = sum(parameter.numel() for parameter in shape.parameters())
    options = TrainOptions(model="m", max_tokens_per_pass=2048).resolved()
    assert need(shape, options, cpu).fixed == 16 * n  # weights, gradients and two moments of 4 bytes
    assert need(shape, options, cpu, n_sharing=4).fixed == 4 * n
    adapters = need(shape, options.model_copy(update={"lora": LoraOptions(r=8)}), cpu)
    n_adapters = (
        4 * 8 * (4 * 512 + 3 * (256 + 688))
    )  # four square layers and three of the feed-forward, of each of 4
    assert adapters.fixed == 4 * n + 16 * n_adapters
    assert need(shape, options, cpu).activations == 2048 * 4 * (12 * 256 + 4 * 688) * 4


def test_too_little_memory_is_told_before_any_work_with_what_would_fit():
    from kto_trainer.errors import UnavailableError
    from kto_trainer.memory import check_memory
    from kto_trainer.model import Machine
    from kto_trainer.options import TrainOptions

    shape, cpu = llama(1024, 16), Machine(torch.device("cpu"), torch.float32)
    options = TrainOptions(model="m").resolved()
    said = []
    check_memory(shape, options, cpu, said.append, free=100 << 30)
    assert not said
    check_memory(
        shape, options, cpu, said.append, free=8 << 30
    )  # 1.5 GiB are certain, the rest is an estimate
    assert said[0].startswith("warning: this training takes about")
    assert "would fit: max_tokens_per_pass 1024" in said[0]
    with pytest.raises(UnavailableError, match=r"out of memory before it began.*lora\.r 16 and fewer tokens"):
        check_memory(shape, options, cpu, said.append, free=int(1.4 * 2**30))
    with pytest.raises(UnavailableError, match="a smaller model or a larger machine"):
        check_memory(shape, options, cpu, said.append, free=1 << 20)


def test_the_free_memory_of_this_machine_is_known():
    from kto_trainer.memory import there
    from kto_trainer.model import Machine

    found = there(Machine(torch.device("cpu"), torch.float32))
    assert found is None or found > 1 << 20
