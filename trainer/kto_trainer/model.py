"""Loads a model and its tokenizer: a local folder or a hub id; safetensors only, never remote code."""

import copy
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kto_trainer.errors import TrainerError, UnavailableError
from kto_trainer.options import RunOptions
from kto_trainer.tiny import CHATML

# Below this size a second thread gains a tenth or so on an idle machine, and waiting for it costs several times the
# whole step on a busy one.
ONE_THREAD_PARAMETERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the forward passes run, and in which arithmetic."""

    device: torch.device
    dtype: torch.dtype

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Run the enclosed forward passes in `dtype`; weights and log-probabilities stay float32."""
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=self.dtype is torch.bfloat16):
            yield


def machine(options: RunOptions) -> Machine:
    """The machine that the options ask for.

    Raises:
        UnavailableError: CUDA is asked for and there is none.
    """
    has_cuda = torch.cuda.is_available()
    if options.device == "cuda" and not has_cuda:
        raise UnavailableError(
            "device: cuda was asked for but torch sees no CUDA device; pass `device: cpu` or auto"
        )
    device = torch.device("cuda" if has_cuda and options.device != "cpu" else "cpu")
    bfloat16 = options.dtype == "bfloat16" or (options.dtype == "auto" and device.type == "cuda")
    return Machine(device, torch.bfloat16 if bfloat16 else torch.float32)


def place(model: Any, options: RunOptions, computer: Machine) -> Any:
    """Put a model on its device with dropout off, and set the number of CPU threads that suits it."""
    threads = options.threads
    if threads is None and sum(parameter.numel() for parameter in model.parameters()) < ONE_THREAD_PARAMETERS:
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)
    return model.to(computer.device).eval()


def quiet_transformers() -> None:
    """Keep transformers' own bars and notes off stderr: the trainer says what matters itself."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # its functions carry no types
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def load(name: str, chat_template: str | None) -> tuple[Any, Any]:
    """The (model, tokenizer) of a local folder or hub id, in float32.

    Raises:
        UnavailableError: No such folder, the hub does not have or give it, or it holds no safetensors weights.
        TrainerError: The tokenizer does not fit the model, has no EOS, or the template file cannot be read.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet_transformers()
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1 or Path(name).exists()
    where = str(Path(name).expanduser()) if looks_local else name
    if looks_local and not (Path(where) / "config.json").is_file():
        raise UnavailableError(f"{name}: no model folder there (config.json is missing); check the path")
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        model = AutoModelForCausalLM.from_pretrained(
            where, trust_remote_code=False, use_safetensors=True, dtype=torch.float32
        )
    # The two classes that transformers raises for an absent file, hub or class; its texts run over many lines.
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        remedy = "is the folder complete, with safetensors weights and tokenizer?"
        if not looks_local:
            remedy = "is the id right, the hub reachable, and HF_TOKEN set if the model is gated?"
        raise UnavailableError(f"{name}: the model cannot be loaded: {remedy} ({reason})") from None
    _check(name, model, tokenizer)
    set_template(tokenizer, chat_template)
    return model, tokenizer


def _check(name: str, model: Any, tokenizer: Any) -> None:
    n_embeddings = model.get_input_embeddings().weight.shape[0]
    if len(tokenizer) > n_embeddings:
        raise TrainerError(
            f"{name}: the tokenizer has {len(tokenizer)} tokens but the model only {n_embeddings} embeddings; "
            "take the tokenizer that belongs to the model, or resize the model's embeddings first"
        )
    if tokenizer.eos_token_id is None:
        raise TrainerError(
            f"{name}: the tokenizer names no EOS token, so no completion could end; set eos_token"
        )


def set_template(tokenizer: Any, chat_template: str | None) -> None:
    """Use `chatml` or a Jinja file in place of the tokenizer's chat template; None leaves it."""
    if chat_template is None:
        return
    if chat_template == "chatml":
        tokenizer.chat_template = CHATML
        return
    try:
        tokenizer.chat_template = Path(chat_template).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise TrainerError(
            f"chat_template: {chat_template}: cannot be read ({error}); pass `chatml` or a file"
        ) from None


def frozen_copy(model: Any) -> Any:
    """A copy that keeps the present weights and takes no gradients: the reference."""
    return copy.deepcopy(model).requires_grad_(False)
