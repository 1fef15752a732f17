"""Dataset folders and the command line, for the trainer's tests."""

import hashlib
import json
import os
import socket
import subprocess
import sys

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

DEVICE = "KTO_TEST_DEVICE"


def pytest_addoption(parser):
    parser.addoption(
        "--device", choices=("cpu", "cuda"), default="cpu", help="where the trainer's commands compute"
    )


def pytest_configure(config):
    if config.getoption("--device", "cpu") == "cuda":
        os.environ[DEVICE] = "cuda"  # for the commands, which run in processes of their own


def pytest_collection_modifyitems(config, items):
    if config.getoption("--device", "cpu") == "cuda":
        import torch

        if not torch.cuda.is_available():
            for item in items:
                item.add_marker(pytest.mark.skip(reason="--device cuda: torch sees no CUDA device here"))


def on_device(arguments):
    """A command's arguments, with the device that the tests are to use."""
    device = os.environ.get(DEVICE)
    return [*arguments, "--device", device] if device and "--device" not in arguments else list(arguments)


def message(role, content):
    return [{"role": role, "content": content}]


def row(number, label, prompt="Say a color.", completion="blue", **more):
    return {
        "prompt": message("user", prompt),
        "completion": message("assistant", completion),
        "label": label,
        "weight": 1.0,
        "sample_id": f"s{number:04d}",
        "row_id": f"log#{number:04d}",
        "prompt_id": f"p-{prompt}",
    } | more


def write_dataset(folder, train, test=(), **manifest):
    """A dataset folder as kto-data writes it; keyword arguments replace fields of the manifest."""
    folder.mkdir(parents=True)
    shards = []
    for split, rows in (("train", train), ("test", test)):
        path = folder / f"{split}-00000.parquet"
        table = rows if isinstance(rows, pa.Table) else pa.Table.from_pylist(list(rows))
        pq.write_table(table, path)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        shards.append({"path": path.name, "split": split, "rows": len(table), "sha256": digest})
    content = {
        "schema_version": 1,
        "shards": shards,
        "weights": {"desirable_weight": 1.0, "undesirable_weight": 1.0, "reason": "equal"},
        "seed": 7,
    }
    (folder / "manifest.json").write_text(json.dumps(content | manifest))
    return folder


def polite_rows(n, start=0):
    """Rows whose label a small model can learn: polite answers are desirable, rude ones are not."""
    topics = ["tea", "rain", "trains", "maps", "bread", "music", "stars", "boats"]
    polite = ["Certainly, here is what I know about {}.", "Of course, let me explain {} kindly."]
    rude = ["No, go away with your {}.", "Stop asking me about {} already."]
    rows = []
    for number in range(start, start + n):
        label = number % 2 == 0
        topic = topics[number // 2 % len(topics)]
        text = (polite if label else rude)[number // 3 % 2].format(topic)
        rows.append(row(number, label, f"Tell me about {topic}, number {number // 4}.", text))
    return rows


def run_trainer(*arguments, **more):
    """`python -m kto_trainer ...` in a process of its own, without a network."""
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "PYTHONWARNINGS": ""} | more.pop("env", {})
    return subprocess.run(
        [sys.executable, "-m", "kto_trainer", *map(str, on_device(arguments))],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
        check=False,
        **more,
    )


def train_command(data, out, *arguments):
    """`python -m kto_trainer train ...` as a list, for tests that start and kill it themselves."""
    start = (sys.executable, "-W", "ignore", "-m", "kto_trainer", "train", "--data", data, "--output", out)
    return [str(part) for part in (*start, *on_device(arguments))]


def start_two(data, out, *arguments):
    """Two processes that train together, as torchrun starts them."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "HF_HUB_OFFLINE": "1"}
    return [
        subprocess.Popen(
            train_command(data, out, *arguments),
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | shared | {"RANK": str(number), "LOCAL_RANK": str(number)},
        )
        for number in range(2)
    ]


FAST = (
    "--tiny-vocab-size",
    "400",
    "--tiny-hidden-size",
    "32",
    "--tiny-intermediate-size",
    "64",
    "--max-length",
    "64",
)


class Make:
    """What the tests make: rows, dataset folders, runs."""

    row = staticmethod(row)
    message = staticmethod(message)
    polite_rows = staticmethod(polite_rows)
    dataset = staticmethod(write_dataset)
    run = staticmethod(run_trainer)
    train_command = staticmethod(train_command)
    start_two = staticmethod(start_two)
    fast = FAST


@pytest.fixture(scope="session")
def make():
    return Make


@pytest.fixture(scope="session")
def trained(tmp_path_factory):
    """One tiny training through the command line: its dataset, its output folder and the finished process."""
    folder = tmp_path_factory.mktemp("trained")
    data = write_dataset(folder / "dataset", polite_rows(96), polite_rows(48, start=400))
    done = run_trainer("train", "--data", data, "--output", folder / "out", "--json", *FAST)
    assert done.returncode == 0, done.stderr
    return data, folder / "out", done


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Models of a few thousand weights gain nothing from more, and wait long for them on a busy machine."""
    import torch

    torch.set_num_threads(1)


@pytest.fixture
def tiny(tmp_path):
    """A float64 model of a few thousand weights, its tokenizer, and the split they were made for."""
    import torch
    from kto_trainer.dataset import read_split
    from kto_trainer.options import TinyOptions
    from kto_trainer.tiny import build_model, build_tokenizer

    split = read_split(write_dataset(tmp_path / "tiny", polite_rows(24)), "train")
    size = TinyOptions(vocab_size=320, hidden_size=16, intermediate_size=32, layers=1, heads=2)
    tokenizer = build_tokenizer(split.texts(), size.vocab_size)
    model = build_model(size, tokenizer, torch.Generator().manual_seed(1)).double().eval()
    return model, tokenizer, split


@pytest.fixture
def encode():
    """Makes a split's rows into tokens, as a run does."""
    from kto_trainer.audit import encode_rows
    from kto_trainer.token_store import stored_tokens

    return lambda split, encoder: encode_rows(split, stored_tokens(split, encoder, keep=False))


@pytest.fixture
def forward_of():
    """Makes the packed way to run a model, on a CPU."""
    import torch
    from kto_trainer.model import Machine
    from kto_trainer.probe import choose

    def make(model, tokens=None, rows=None):
        choice = choose(model, Machine(torch.device("cpu"), torch.float32), 0, tokens, rows)
        assert choice.reason is None
        return choice.forward

    return make


@pytest.fixture
def logps_of():
    """Sums of completions' log-probabilities under a model, one sequence at a time and padded: the plain way."""
    import torch
    from kto_trainer.logps import padded_token_logps
    from kto_trainer.model import Machine

    def sums(model, sequences):
        cpu = Machine(torch.device("cpu"), torch.float32)
        before = model.config._attn_implementation
        model.set_attn_implementation("sdpa")
        with torch.no_grad():
            found = torch.stack([padded_token_logps(model, [item], 0, cpu).sum() for item in sequences])
        model.set_attn_implementation(before)
        return found

    return sums
