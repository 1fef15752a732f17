"""One measured run for `trainer.py`: a synthetic workload, then TRL's KTOTrainer or ours on the very same tokens.

    python benchmarks/trainer_peer.py WORK --who trl|trl-best|ours --shape JSON prints one JSON document

TRL tokenises and pairs; its token ids and pairs are written to WORK, and ours trains on them, so both see equal batches.
On a CPU TRL scores every position, padding included; `--compact-head`, always on here, makes it score completions alone, as
it does on a GPU.
"""

import argparse
import json
import math
import os
import random
import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

ROWS = 256


def parse() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("work", type=Path)
    parser.add_argument("--who", choices=["trl", "trl-best", "ours"], required=True)
    parser.add_argument("--shape", type=json.loads, required=True, help="model and lengths, as JSON")
    parser.add_argument("--steps", type=int, default=6)
    parser.add_argument("--warmup", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=8)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--tokens-per-pass", type=int, help="default: the trainer's for the device")
    parser.add_argument("--lora", type=int, default=0)
    parser.add_argument("--device", choices=["cpu", "cuda"], default="cpu")
    return parser.parse_args()


class Peak:
    """Peak resident memory (CPU) or allocated memory (CUDA) between start and stop, in MiB above the start."""

    def __init__(self, device: str) -> None:
        self._device = device

    def start(self) -> None:
        """Begin."""
        if self._device == "cuda":
            import torch

            torch.cuda.reset_peak_memory_stats()
            self._base = torch.cuda.memory_allocated() / 2**20
            return
        self._base = self._peak = resident_mib()
        Path("/proc/self/clear_refs").write_text("5")  # resets the high-water mark
        self._running = True
        self._thread = threading.Thread(target=self._watch, daemon=True)
        self._thread.start()

    def _watch(self) -> None:
        while self._running:
            self._peak = max(self._peak, resident_mib())
            time.sleep(0.02)

    def stop(self) -> float:
        """MiB above the start."""
        if self._device == "cuda":
            import torch

            return float(torch.cuda.max_memory_allocated() / 2**20 - self._base)
        self._running = False
        self._thread.join()
        for line in Path("/proc/self/status").read_text().splitlines():
            if line.startswith("VmHWM"):
                self._peak = max(self._peak, int(line.split()[1]) / 1024)
        return self._peak - self._base


def resident_mib() -> float:
    """Memory of this process."""
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


def cpu_seconds() -> float:
    """User and system time of this process with all its threads."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def words() -> list[str]:
    """4000 made-up words of two to six letters."""
    generator = random.Random(11)  # noqa: S311  # made-up texts
    found: dict[str, None] = {}
    while len(found) < 4000:
        syllables = generator.randint(1, 3)
        found[
            "".join(generator.choice("bdfgklmnprstvz") + generator.choice("aeiou") for _ in range(syllables))
        ] = None
    return list(found)


def make_rows(n: int, seed: int, shape: dict[str, Any]) -> list[dict[str, Any]]:
    """Rows with lognormal lengths (sigma 0.8) around the shape's medians."""
    vocabulary, generator = words(), random.Random(seed)  # noqa: S311  # made-up texts
    weights = [1 / (rank + 10) for rank in range(len(vocabulary))]

    def text(median: float, low: int, high: int) -> str:
        n_words = min(high, max(low, round(generator.lognormvariate(math.log(median), 0.8))))
        return " ".join(generator.choices(vocabulary, weights, k=n_words))

    return [
        {
            "prompt": text(shape["prompt"], 8, 400) + " :",
            "completion": " " + text(shape["completion"], 20, 400),
            "label": generator.random() < 0.5,
        }
        for _ in range(n)
    ]


def prepare(work: Path, shape: dict[str, Any]) -> tuple[Path, list[dict[str, Any]]]:
    """Tokenizer and model of random weights, made once; and the rows."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import AutoModelForCausalLM, LlamaConfig, PreTrainedTokenizerFast

    folder = work / "model"
    if not (folder / "config.json").is_file():
        import torch

        tokenizer = Tokenizer(models.BPE())
        tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
        tokenizer.decoder = decoders.ByteLevel()
        corpus = [row["prompt"] + row["completion"] for row in make_rows(2000, 99, shape)]
        trainer = trainers.BpeTrainer(
            vocab_size=min(shape["vocab"], 8192),
            special_tokens=["<pad>", "<s>", "</s>"],
            initial_alphabet=pre_tokenizers.ByteLevel.alphabet(),
            show_progress=False,
        )
        tokenizer.train_from_iterator(corpus, trainer)
        special = {"pad_token": "<pad>", "bos_token": "<s>", "eos_token": "</s>"}
        fast = PreTrainedTokenizerFast(
            tokenizer_object=tokenizer,
            **special,
        )
        torch.manual_seed(0)
        config = LlamaConfig(
            vocab_size=shape["vocab"],
            hidden_size=shape["hidden"],
            intermediate_size=math.ceil(shape["hidden"] * 8 / 3 / 64) * 64,
            num_hidden_layers=shape["layers"],
            num_attention_heads=shape["heads"],
            num_key_value_heads=max(1, shape["heads"] // 2),
            max_position_embeddings=4096,
            tie_word_embeddings=True,
            bos_token_id=1,
            eos_token_id=2,
            pad_token_id=0,
        )
        model = AutoModelForCausalLM.from_config(config)
        model.save_pretrained(folder)
        fast.save_pretrained(folder)
    return folder, make_rows(ROWS, 0, shape)


def run_trl(a: argparse.Namespace) -> dict[str, Any]:
    """TRL's KTOTrainer: its defaults, or its best (reference precomputed, no recomputation)."""
    import datasets
    import torch
    import transformers
    from transformers import AutoModelForCausalLM, AutoTokenizer, TrainerCallback
    from trl import KTOConfig, KTOTrainer
    from trl.trainer import utils as trl_utils

    transformers.logging.set_verbosity_error()
    datasets.disable_progress_bars()
    if a.device == "cpu":
        trl_utils._use_triton = lambda _: True  # asked only to decide whether unscored positions are left out
    folder, rows = prepare(a.work, a.shape)
    model = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    best = a.who == "trl-best"
    settings = {"precompute_ref_log_probs": True, "gradient_checkpointing": False} if best else {}
    arguments = KTOConfig(
        output_dir=str(a.work / "out"),
        per_device_train_batch_size=a.batch_size,
        max_steps=a.steps + a.warmup,
        learning_rate=5e-6,
        lr_scheduler_type="constant",
        warmup_steps=0,
        use_cpu=a.device == "cpu",
        bf16=a.device == "cuda",
        logging_steps=1,
        save_strategy="no",
        report_to="none",
        disable_tqdm=True,
        **settings,
    )
    times: list[float] = []
    clock = cpu_seconds if a.device == "cpu" else time.perf_counter

    class Clock(TrainerCallback):
        def on_step_begin(self, *_: Any, **__: Any) -> None:
            self.at = clock()

        def on_step_end(self, *_: Any, **__: Any) -> None:
            if a.device == "cuda":
                torch.cuda.synchronize()
            times.append(clock() - self.at)

    peft_config = None
    if a.lora:
        from peft import LoraConfig

        peft_config = LoraConfig(
            r=a.lora, lora_alpha=2 * a.lora, target_modules="all-linear", task_type="CAUSAL_LM"
        )
    peak = Peak(a.device)
    peak.start()  # before the trainer: its copy of the reference counts
    trainer = KTOTrainer(
        model=model,
        args=arguments,
        train_dataset=datasets.Dataset.from_list(rows[: (a.steps + a.warmup) * a.batch_size]),
        processing_class=AutoTokenizer.from_pretrained(folder),
        peft_config=peft_config,
        callbacks=[Clock()],
    )
    names = ("prompt_ids", "completion_ids", "KL_completion_ids", "label")
    data = trainer.train_dataset
    (a.work / "tokens.json").write_text(json.dumps([{name: row[name] for name in names} for row in data]))
    trainer.train()
    history = [entry for entry in trainer.state.log_history if "loss" in entry]
    return {
        "seconds": times[a.warmup :],
        "peak_mib": peak.stop(),
        "losses": [entry["loss"] for entry in history],
        "kl": [entry["kl"] for entry in history],
        "margins": [entry.get("rewards/margins") for entry in history],
    }


def run_ours(a: argparse.Namespace) -> dict[str, Any]:
    """Our step on TRL's tokens and pairs, in TRL's order; the reference pass is timed apart."""
    import torch
    from kto_trainer.encoding import Tokens
    from kto_trainer.forward import Forward
    from kto_trainer.lora import add_adapters
    from kto_trainer.model import Machine, load, place, recomputable_layers
    from kto_trainer.objective import Objective
    from kto_trainer.optimizer import Optimizer
    from kto_trainer.options import LoraOptions, TrainOptions
    from kto_trainer.probe import choose
    from kto_trainer.ranks import Ranks
    from kto_trainer.reference_cache import reference_logps
    from kto_trainer.sequences import Listed
    from kto_trainer.step import Batch, accumulate

    machine = Machine(torch.device(a.device), torch.float32 if a.device == "cpu" else torch.bfloat16)
    options = TrainOptions(
        model="bench", learning_rate=5e-6, lr_scheduler_type="constant", warmup_ratio=0, threads=a.threads
    )
    model, _ = load(str(a.work / "model"), None, machine.weights_dtype)
    model = place(model, options, machine)
    rows = json.loads((a.work / "tokens.json").read_text())
    own = [Tokens(row["prompt_ids"], row["completion_ids"]) for row in rows]
    pairs = [Tokens(row["prompt_ids"], row["KL_completion_ids"]) for row in rows]
    labels = torch.tensor([bool(row["label"]) for row in rows])
    peak = Peak(a.device)
    peak.start()
    forward: Forward = choose(model, machine, 0, a.tokens_per_pass).forward
    forward.layers = recomputable_layers(model)
    clock = cpu_seconds if a.device == "cpu" else time.perf_counter
    began = clock()
    logps = reference_logps(forward, Listed([*own, *pairs]), False, None, Ranks())
    reference_seconds = clock() - began
    add_adapters(model, LoraOptions(r=a.lora), 0)
    n_steps = a.steps + a.warmup
    optimizer = Optimizer(model, options, learning_rate=5e-6, n_steps=n_steps)
    results, times = [], []
    for number in range(n_steps):
        began = clock()
        at = range(number * a.batch_size, (number + 1) * a.batch_size)
        batch = Batch(
            [own[i] for i in at],
            [pairs[i] for i in at],
            labels[list(at)],
            torch.ones(len(at)),
            logps.pick(at),
            logps.pick([len(own) + i for i in at]),
        )
        result = accumulate(forward, batch, Objective())
        optimizer.step()
        if a.device == "cuda":
            torch.cuda.synchronize()
        times.append(clock() - began)
        results.append(result)
    return {
        "seconds": times[a.warmup :],
        "peak_mib": peak.stop(),
        "losses": [result.loss.item() for result in results],
        "kl": [result.z0.item() for result in results],
        "margins": [
            _margin(result.rewards_B.cpu(), labels[k * a.batch_size : (k + 1) * a.batch_size])
            for k, result in enumerate(results)
        ],
        "reference_seconds_per_step": reference_seconds / n_steps,
        **bound(own, pairs, a, model, machine),
    }


def _margin(rewards_B: Any, labels_B: Any) -> float | None:
    if labels_B.all() or not labels_B.any():
        return None
    return float(rewards_B[labels_B].mean() - rewards_B[~labels_B].mean())


def bound(own: Any, pairs: Any, a: argparse.Namespace, model: Any, machine: Any) -> dict[str, float]:
    """The least work of a step in FLOPs, and the seconds it takes at this machine's measured matmul rate.

    Backbone (N parameters without embeddings): 6 N (P + C) + 2 N C'; head: 8 C V H, from scored tokens alone.
    """
    import torch

    clock = cpu_seconds if a.device == "cpu" else time.perf_counter
    n_rows = (a.steps + a.warmup) * a.batch_size
    read = sum(len(item.prompt) + len(item.completion) for item in own[:n_rows])
    scored = sum(len(item.completion) for item in own[:n_rows])
    other = sum(len(item.completion) for item in pairs[:n_rows])
    head = model.get_output_embeddings().weight.numel()
    backbone = sum(parameter.numel() for parameter in model.base_model.parameters()) - head
    flops = (6 * backbone * read + 2 * backbone * other + 6 * head * scored + 2 * head * other) / (
        a.steps + a.warmup
    )
    size = 1024 if a.device == "cpu" else 8192
    one, two = (torch.randn(size, size, device=machine.device, dtype=machine.dtype) for _ in range(2))
    one @ two
    if a.device == "cuda":
        torch.cuda.synchronize()
    began, n = clock(), 8
    for _ in range(n):
        one @ two
    if a.device == "cuda":
        torch.cuda.synchronize()
    rate = 2 * size**3 * n / (clock() - began)
    return {
        "bound_flops_per_step": flops,
        "matmul_flops_per_second": rate,
        "bound_seconds_per_step": flops / rate,
    }


def main() -> int:
    """Run and print."""
    a = parse()
    os.environ.update(HF_HUB_OFFLINE="1", TOKENIZERS_PARALLELISM="false", TQDM_DISABLE="1")
    if a.device == "cpu":
        os.environ["CUDA_VISIBLE_DEVICES"] = ""
    a.work.mkdir(parents=True, exist_ok=True)
    import torch

    torch.set_num_threads(a.threads)
    document = run_ours(a) if a.who == "ours" else run_trl(a)
    print(json.dumps({"who": a.who, **document}))
    return 0


if __name__ == "__main__":
    sys.exit(main())
