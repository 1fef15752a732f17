"""LoRA: small trained matrices beside frozen weights, and the reference for free: the model with them off."""

from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import torch

from kto_trainer.errors import TrainerError, UnavailableError
from kto_trainer.options import LoraOptions

ADAPTERS = "adapter_model.safetensors"


def add_adapters(model: Any, options: LoraOptions, seed: int) -> Any:
    """The model with adapters in its layers and all other weights frozen; without change for rank 0.

    Source: Hu et al., "LoRA: Low-Rank Adaptation of Large Language Models", 2021, https://arxiv.org/abs/2106.09685:
    a layer's W x becomes W x + alpha / r * B A x, with A of random numbers and B of zeros at the start.

    Raises:
        UnavailableError: peft is not installed.
        TrainerError: No layer has one of the names.
    """
    if not options.r:
        return model
    try:
        from peft import LoraConfig, inject_adapter_in_model
    except ImportError:
        raise UnavailableError("lora needs peft: pip install 'kto-data[train]'") from None
    named = options.target_modules
    if isinstance(named, str) and named != "all-linear":
        named = tuple(name.strip() for name in named.split(","))
    config = LoraConfig(
        r=options.r,
        lora_alpha=options.alpha or 2 * options.r,  # type: ignore[arg-type]  # peft divides it by r: any number will do
        lora_dropout=options.dropout,
        target_modules=_linear_names(model) if isinstance(named, str) else list(named),
        task_type="CAUSAL_LM",
    )
    # Adapters draw from torch's global numbers; the run's own come from its seed, and nothing outside is disturbed.
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        try:
            inject_adapter_in_model(config, model)
        except ValueError as error:
            raise TrainerError(f"lora.target_modules: {str(error).splitlines()[0]}") from None
    for name, parameter in model.named_parameters():
        parameter.requires_grad_("lora_" in name)
        if "lora_" in name and parameter.dtype in (torch.bfloat16, torch.float16):
            parameter.data = parameter.data.float()
    return model.eval()


def _linear_names(model: Any) -> list[str]:
    """Names of all linear layers but the head: what they learn there would change every token at once."""
    head = model.get_output_embeddings()
    return sorted(
        {
            name.rpartition(".")[2]
            for name, layer in model.named_modules()
            if isinstance(layer, torch.nn.Linear) and layer is not head
        }
    )


def _layers(model: Any) -> list[Any]:
    """The layers with adapters."""
    if not any("lora_" in name for name, _ in model.named_parameters()):
        return []
    from peft.tuners.tuners_utils import BaseTunerLayer

    return [layer for layer in model.modules() if isinstance(layer, BaseTunerLayer)]


def adapter_dropouts(model: Any) -> list[torch.nn.Dropout]:
    """The dropout layers before the adapters."""
    return [
        layer
        for name, layer in model.named_modules()
        if isinstance(layer, torch.nn.Dropout) and "lora_dropout" in name
    ]


@contextmanager
def adapters_off(model: Any) -> Iterator[None]:
    """Within, the model is as it was before `add_adapters`; a model without adapters stays as it is."""
    layers = _layers(model)
    for layer in layers:
        layer.enable_adapters(False)
    try:
        yield
    finally:
        for layer in layers:
            layer.enable_adapters(True)


def save_adapters(folder: Path, model: Any, base: str) -> None:
    """Write the adapters in peft's format, which `AutoModelForCausalLM.from_pretrained` loads onto their base.

    Args:
        folder: Where to.
        model: A model with adapters.
        base: The folder or hub id that they belong to.
    """
    from peft import get_peft_model_state_dict
    from safetensors.torch import save_file

    config = model.peft_config["default"]
    config.base_model_name_or_path = base
    config.save_pretrained(folder)
    found = get_peft_model_state_dict(model, adapter_name="default")
    tensors = {f"base_model.model.{name}": value.detach().cpu().contiguous() for name, value in found.items()}
    save_file(tensors, folder / ADAPTERS)


def quantization(options: LoraOptions, device: torch.device) -> Any:
    """How transformers loads frozen weights in 4 bits; None where they stay as they are.

    Source: Dettmers et al., "QLoRA: Efficient Finetuning of Quantized LLMs", 2023, https://arxiv.org/abs/2305.14314.

    Raises:
        TrainerError: There are no adapters to train.
        UnavailableError: No CUDA device, or bitsandbytes is not installed.
    """
    if options.quantize == "none":
        return None
    if not options.r:
        raise TrainerError(
            "lora.quantize: weights of 4 bits cannot be trained; set lora.r, for example to 16"
        )
    if device.type != "cuda":
        raise UnavailableError("lora.quantize: 4bit needs a CUDA device; leave it out here")
    if find_spec("bitsandbytes") is None:
        raise UnavailableError("lora.quantize: 4bit needs bitsandbytes: pip install bitsandbytes")
    from transformers import BitsAndBytesConfig

    make: Any = BitsAndBytesConfig  # transformers publishes no types for it
    return make(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=torch.bfloat16,
    )


def merged(model: Any) -> Any:
    """The model with its adapters added to its weights, in place: a plain model again."""
    layers = {id(layer) for layer in _layers(model)}
    for name, layer in list(model.named_modules()):
        if id(layer) in layers:
            layer.merge()
            parent, _, last = name.rpartition(".")
            setattr(model.get_submodule(parent), last, layer.get_base_layer())
    return model
