"""Loads a model and its tokenizer: a local folder or a hub id; safetensors only, never remote code."""

import json
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from kto_trainer.errors import TrainerError, UnavailableError
from kto_trainer.lora import merged
from kto_trainer.options import RunOptions
from kto_trainer.tiny import CHATML

# Below this size a second thread gains a tenth or so on an idle machine, and waiting for it costs several times the
# whole step on a busy one.
ONE_THREAD_PARAMETERS = 1_000_000


@dataclass(frozen=True, slots=True)
class Machine:
    """Where the forward passes run, and in which arithmetic.

    bfloat16 is that of the weights on a CUDA device; on a CPU it is autocast over float32 weights.
    """

    device: torch.device
    dtype: torch.dtype

    @property
    def weights_dtype(self) -> torch.dtype:
        """The dtype of the model's weights."""
        return torch.float32 if self.device.type == "cpu" else self.dtype

    @contextmanager
    def autocast(self) -> Iterator[None]:
        """Run the enclosed forward passes in `dtype` where the weights are wider; log-probabilities are float32."""
        wider = self.dtype is torch.bfloat16 and self.weights_dtype is not torch.bfloat16
        with torch.autocast(self.device.type, dtype=torch.bfloat16, enabled=wider):
            yield


def machine(options: RunOptions) -> Machine:
    """The machine that the options ask for.

    Raises:
        UnavailableError: CUDA is asked for and there is none, or fewer devices than processes.
    """
    has_cuda = torch.cuda.is_available()
    if options.device == "cuda" and not has_cuda:
        raise UnavailableError(
            "device: cuda was asked for but torch sees no CUDA device; pass `device: cpu` or auto"
        )
    device = torch.device("cpu")
    if has_cuda and options.device != "cpu":
        number = int(os.environ.get("LOCAL_RANK", "0"))  # torchrun's: each process takes a card of its own
        if number >= torch.cuda.device_count():
            raise UnavailableError(
                f"process {number} of this machine has no CUDA device: there are {torch.cuda.device_count()}; start "
                "at most as many processes (torchrun --nproc-per-node)"
            )
        device = torch.device("cuda", number)
        torch.cuda.set_device(device)
    bfloat16 = options.dtype == "bfloat16" or (options.dtype == "auto" and device.type == "cuda")
    return Machine(device, torch.bfloat16 if bfloat16 else torch.float32)


def place(model: Any, options: RunOptions, computer: Machine) -> Any:
    """Put a model on its device with dropout off, and set the number of CPU threads that suits it."""
    threads = options.threads
    if threads is None and sum(parameter.numel() for parameter in model.parameters()) < ONE_THREAD_PARAMETERS:
        threads = 1
    if threads is not None:
        torch.set_num_threads(threads)
    # Parameters alone: the model's `to(dtype)` would round the frequencies of rotary positions as well.
    if computer.device.type != "cpu":
        for parameter in model.parameters():
            if parameter.is_floating_point():  # quantized ones are bytes
                parameter.data = parameter.data.to(computer.weights_dtype)
    if getattr(model, "is_quantized", False):
        return model.eval()  # it was loaded where it is to be
    return model.to(computer.device).eval()


def recomputable_layers(model: Any) -> list[Any]:
    """The layers that can recompute their activations in the backward, made ready; see `recomputing`.

    Raises:
        UnavailableError: The model has none.
    """
    from transformers.modeling_layers import GradientCheckpointingLayer

    # The first is the name since transformers 5.20 or so; the other is what it was before.
    name = "activation_checkpointing_enable"
    enable = getattr(model, name, None) or model.gradient_checkpointing_enable
    try:
        enable()
    except ValueError as error:
        raise UnavailableError(f"gradient_checkpointing: {error}") from None
    layers = [layer for layer in model.modules() if isinstance(layer, GradientCheckpointingLayer)]
    if not layers:
        raise UnavailableError(
            "gradient_checkpointing: the model's layers cannot recompute their activations"
        )
    return layers


@contextmanager
def recomputing(layers: Iterable[Any]) -> Iterator[None]:
    """Within, forward passes keep the layers' inputs alone, and the backward computes the rest again."""
    chosen = list(layers)
    for layer in chosen:
        layer.training = True  # its own flag only: what lies within it stays in eval mode
    try:
        yield
    finally:
        for layer in chosen:
            layer.training = False


def quiet_transformers() -> None:
    """Keep transformers' own bars and notes off stderr: the trainer says what matters itself."""
    from transformers.utils import logging as transformers_logging

    logging: Any = transformers_logging  # its functions carry no types
    logging.disable_progress_bar()
    logging.set_verbosity_error()


def load(
    name: str, chat_template: str | None, dtype: torch.dtype = torch.float32, quantization: Any = None
) -> tuple[Any, Any]:
    """The (model, tokenizer) of a local folder or hub id, its weights in `dtype`; adapters are added to their base.

    Raises:
        UnavailableError: No such folder, the hub does not have or give it, or it holds no safetensors weights.
        TrainerError: The tokenizer does not fit the model, has no EOS, or the template file cannot be read.
    """
    from transformers import AutoModelForCausalLM, AutoTokenizer

    quiet_transformers()
    looks_local = name.startswith((".", "/", "~")) or name.count("/") > 1 or Path(name).exists()
    where = str(Path(name).expanduser()) if looks_local else name
    adapters = Path(where) if looks_local and (Path(where) / "adapter_config.json").is_file() else None
    if looks_local and adapters is None and not (Path(where) / "config.json").is_file():
        raise UnavailableError(f"{name}: no model folder there (config.json is missing); check the path")
    try:
        tokenizer = AutoTokenizer.from_pretrained(where, trust_remote_code=False)
        more = (
            {} if quantization is None else {"quantization_config": quantization, "device_map": {"": "cuda"}}
        )
        model = AutoModelForCausalLM.from_pretrained(
            where if adapters is None else _base_of(adapters),
            trust_remote_code=False, use_safetensors=True, dtype=dtype, **more,
        )  # fmt: skip
        if adapters is not None:
            model.load_adapter(str(adapters))
            model = merged(model)
    # The two classes that transformers raises for an absent file, hub or class; its texts run over many lines.
    except (OSError, ValueError) as error:
        reason = " ".join(str(error).split())[:300]
        remedy = "is the folder complete, with safetensors weights and tokenizer?"
        if not looks_local:
            remedy = "is the id right, the hub reachable, and HF_TOKEN set if the model is gated?"
        raise UnavailableError(f"{name}: the model cannot be loaded: {remedy} ({reason})") from None
    _check(name, model, tokenizer)
    _check_weights(name, model)
    set_template(tokenizer, chat_template)
    return model, tokenizer


def _base_of(adapters: Path) -> str:
    """What adapters belong to: as their configuration says, or, where that was moved along with them, beside them."""
    named = str(
        json.loads((adapters / "adapter_config.json").read_text(encoding="utf-8"))["base_model_name_or_path"]
    )
    beside = adapters.parent / "reference"
    moved = Path(named).is_absolute() and not Path(named).exists() and beside.is_dir()
    return str(beside) if moved else named


def weights_of(folder: Path, model: Any) -> dict[str, torch.Tensor]:
    """The weights of a saved model by the names of the parameters of one of the same kind."""
    from transformers import AutoModelForCausalLM

    quiet_transformers()
    dtype = next(model.parameters()).dtype
    saved = AutoModelForCausalLM.from_pretrained(
        folder, trust_remote_code=False, use_safetensors=True, dtype=dtype
    )
    return dict(saved.named_parameters())


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


def _check_weights(name: str, model: Any) -> None:
    broken = [key for key, value in model.named_parameters() if not bool(torch.isfinite(value).all())]
    if broken:
        raise TrainerError(
            f"{name}: {len(broken)} weights hold NaN or infinity ({', '.join(broken[:3])}...); take another checkpoint"
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
