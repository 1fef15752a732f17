"""The options of `train`, `score` and `generate`: frozen pydantic models, free of torch.

`kto_data` imports this module alone, to check a pipeline file's `train:` key before any work. A default of None means
"depends on the model or the dataset"; `TrainOptions.resolved` fills in those that depend on the model.
"""

import math
from typing import Annotated, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field

Device = Literal["auto", "cpu", "cuda"]
Dtype = Literal["auto", "float32", "bfloat16"]
T = TypeVar("T")


class Options(BaseModel):
    """The base of all options: values cannot change, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class RunOptions(Options):
    """What every command shares: where and how it computes."""

    device: Device = Field("auto", description="Where to compute; auto takes a CUDA device if there is one.")
    dtype: Dtype = Field(
        "auto",
        description="Arithmetic; auto is float32 on a CPU and bfloat16 on a CUDA device. bfloat16 is that of the weights "
        "on a CUDA device, and autocast over float32 weights on a CPU.",
    )
    threads: Annotated[int, Field(ge=1, le=1024)] | None = Field(
        None,
        description="CPU threads, 1 to 1024; default: 1 for a model of less than a million parameters, else torch's choice.",
    )
    chat_template: str | None = Field(
        None,
        description="A Jinja file used instead of the tokenizer's chat template, or `chatml` for the built-in "
        "plain ChatML one; default: the tokenizer's.",
    )


class TinyOptions(Options):
    """The size of the model that `model: tiny` builds; the defaults give about 0.2 million parameters."""

    vocab_size: int = Field(
        1024, ge=300, le=65536, description="Tokens of the byte-level BPE, at most; 300 to 65536."
    )
    hidden_size: int = Field(64, ge=8, le=2048, description="Width of the residual stream, 8 to 2048.")
    intermediate_size: int = Field(
        256, ge=8, le=8192, description="Width of the gated feed-forward layer, 8 to 8192."
    )
    layers: int = Field(2, ge=1, le=48, description="Transformer layers, 1 to 48.")
    heads: int = Field(
        4, ge=1, le=64, description="Attention heads, 1 to 64; must divide hidden_size evenly."
    )


class SftOptions(Options):
    """Supervised fine-tuning before KTO: the model after it is KTO's reference."""

    epochs: Annotated[int, Field(ge=0, le=1000)] | None = Field(
        None, description="Passes over the rows before KTO, 0 to 1000; default: 0, for `tiny` 4."
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None, description="Peak learning rate of this stage, above 0; default: 2e-5, for `tiny` 5e-3."
    )
    rows: Literal["desirable", "all"] | None = Field(
        None,
        description="Which train rows to imitate; default: desirable, for `tiny`, which knows no language, all.",
    )
    tokens: Literal["completion", "all"] | None = Field(
        None, description="Which tokens to learn; default: completion, for `tiny` all (the prompt's too)."
    )


class LoraOptions(Options):
    """Low-rank adapters (LoRA) in place of full fine-tuning; the reference is the model with its adapters off."""

    r: int = Field(0, ge=0, le=4096, description="Rank of the adapters; 0 fine-tunes all weights.")
    alpha: Annotated[float, Field(gt=0, le=1e6)] | None = Field(
        None, description="Adapters are scaled by alpha / r; default: 2 * r."
    )
    dropout: float = Field(
        0.0, ge=0, lt=1, description="Dropout before the adapters in the passes with gradients."
    )
    quantize: Literal["none", "4bit"] = Field(
        "none",
        description="`4bit`: the frozen weights in 4 bits (QLoRA, NF4); needs a CUDA device and bitsandbytes, and keeps the "
        "adapters apart.",
    )
    target_modules: str | tuple[str, ...] = Field(
        "all-linear", description="Layers that get adapters: `all-linear`, or names (with commas in between)."
    )


def _weights(given: object) -> object:
    """`manifest`, `auto`, or two numbers, which become `D,U`."""
    if given in ("manifest", "auto"):
        return given
    parts = given.split(",") if isinstance(given, str) else given
    try:
        numbers = [float(part) for part in parts]  # type: ignore[attr-defined]  # what is no sequence is told below
    except (TypeError, ValueError):
        numbers = []
    if len(numbers) != 2 or not all(math.isfinite(number) and 0 <= number <= 1e6 for number in numbers):
        raise ValueError("weights are `manifest`, `auto`, or two numbers `D,U` of at least 0")
    return f"{numbers[0]:g},{numbers[1]:g}"


class TrainOptions(RunOptions):
    """Options of `train`. Names are TRL's where the meaning is the same."""

    model: str = Field(
        "tiny", min_length=1, description="`tiny` (built from scratch), a local folder, or a hub id."
    )
    epochs: Annotated[int, Field(ge=1, le=1000)] | None = Field(
        None, description="Passes of KTO over the train rows, 1 to 1000; default: 1, for `tiny` 3."
    )
    batch_size: int = Field(
        32,
        ge=2,
        le=65536,
        description="The effective batch in rows, 2 to 65536; z0 is estimated over all of it.",
    )
    micro_batch_size: Annotated[int, Field(ge=1, le=65536)] | None = Field(
        None,
        description="Rows in one forward pass, at most; changes memory and speed, not results. "
        "Default: as many as max_tokens_per_pass admits.",
    )
    max_tokens_per_pass: Annotated[int, Field(ge=16, le=100_000_000)] | None = Field(
        None,
        description="Tokens in one forward pass, at most (a longer sequence runs alone, and recomputes its activations "
        "in the backward): memory depends on this, not on batch_size; results do not. Default: 8192, on a CUDA device "
        "16384.",
    )
    gradient_checkpointing: bool = Field(
        False,
        description="Recompute the activations of every pass in the backward: less memory, a third more time. Lower "
        "max_tokens_per_pass first: sequences that are longer do so by themselves.",
    )
    parallel: Literal["auto", "shard", "replicate"] = Field(
        "auto",
        description="With several processes (torchrun): shard the layers over them (FSDP2), or keep the whole model in each "
        "(DDP). auto shards when all weights are trained, and replicates for adapters. Results are the same.",
    )
    optim: Literal["adamw", "adamw_8bit"] = Field(
        "adamw",
        description="AdamW, or with its moments in 8 bits: 2 bytes a weight in place of 8 (needs a CUDA device and "
        "torchao).",
    )
    compile: bool = Field(False, description="Compile the model's layers with torch.compile.")
    log_every: Annotated[int, Field(ge=1, le=100_000)] | None = Field(
        None,
        description="Steps between writing to the log (each step has its line); reading figures makes a GPU wait. "
        "Default: 1, on a CUDA device 10.",
    )
    lora: LoraOptions = Field(LoraOptions(), description="Low-rank adapters in place of full fine-tuning.")
    merge: bool | None = Field(
        None,
        description="Add trained adapters to the weights, so that the checkpoint is a plain model; else it holds the adapters "
        "alone, in peft's format. Default: merge, but for quantized weights.",
    )
    loss_type: Literal["kto", "apo_zero_unpaired", "humanline"] = Field(
        "kto", description="The loss: KTO; APO-zero, without reference point; KTO with clamped tokens."
    )
    log_epsilon_p: float = Field(
        -1.0, le=0, description="humanline: lower bound of a token's log-ratio, at most 0."
    )
    log_epsilon_r: float = Field(
        1.5, ge=0, description="humanline: upper bound of a token's log-ratio, at least 0."
    )
    learning_rate: Annotated[float, Field(gt=0, le=1)] | None = Field(
        None,
        description="Peak learning rate of KTO (AdamW), above 0; default: 5e-6 (the paper's), for `tiny` 1e-3.",
    )
    beta: float = Field(
        0.1, gt=0, le=100, description="The paper's beta: how closely to stay to the reference, > 0."
    )
    weights: Annotated[str, BeforeValidator(_weights)] = Field(
        "manifest",
        description="The class weights: the dataset `manifest`'s, `auto` (both classes weigh the same in the loss: "
        "lambda_D n_D = lambda_U n_U, row weights counted), or two numbers `D,U`.",
    )
    desirable_weight: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        None, description="The paper's lambda_D, at least 0; wins over `weights`."
    )
    undesirable_weight: Annotated[float, Field(ge=0, le=1e6)] | None = Field(
        None, description="The paper's lambda_U, at least 0; wins over `weights`."
    )
    max_length: Annotated[int, Field(ge=8, le=10_000_000)] | None = Field(
        None,
        description="Prompt and completion together, in tokens, at least 8; default: 1024, for `tiny` 128.",
    )
    lr_scheduler_type: Literal["linear", "cosine", "constant"] = Field(
        "linear", description="Shape of the learning rate after the warm-up."
    )
    warmup_ratio: float = Field(0.1, ge=0, le=1, description="Share of a stage's steps that warm up, 0 to 1.")
    weight_decay: float = Field(0.0, ge=0, le=1, description="AdamW's decoupled weight decay, 0 to 1.")
    max_grad_norm: float = Field(1.0, gt=0, description="Gradients are clipped to this norm, > 0.")
    eval_split: Annotated[str, Field(min_length=1)] | None = Field(
        None,
        description="The split whose rows' reward AUC is told while training, if it has rows. Default: `test`; with "
        "early_stopping_patience `validation`, or where there is none a tenth of the train rows, cut by prompt.",
    )
    eval_steps: Annotated[int, Field(ge=1)] | None = Field(
        None, description="Tell the held-out AUC every so many steps, too; each epoch's end tells it anyway."
    )
    eval_rows: int = Field(
        512, ge=0, le=1_000_000, description="Held-out rows at most, drawn once for all runs; 0 tells no AUC."
    )
    early_stopping_patience: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Stop when the held-out AUC has not grown for so many evaluations; the checkpoint is the best one's. "
        "Chosen on rows of `eval_split`, never on `test`.",
    )
    saturation: bool = Field(
        True,
        description="After training, list the rows that the model contradicts (saturation.parquet): one more forward pass "
        "over the rows. A control with shuffled labels lists none.",
    )
    tensorboard: bool = Field(False, description="Write the log's figures for TensorBoard too.")
    save_steps: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Save a checkpoint to --resume from every so many steps; each epoch's end but the last has one anyway.",
    )
    save_total_limit: int = Field(
        2,
        ge=1,
        le=1000,
        description="Checkpoints to resume from that are kept, the newest, 1 to 1000; a finished training needs none.",
    )
    seed: int = Field(
        0, ge=0, lt=2**63, description="Seed of initial weights, order, pairs and shuffled labels."
    )
    shuffle_labels: bool = Field(
        False, description="The control: permute the labels among the train rows before KTO, with the seed."
    )
    sft: SftOptions = Field(SftOptions(), description="Supervised fine-tuning before KTO.")
    tiny: TinyOptions = Field(TinyOptions(), description="Size of the model that `model: tiny` builds.")

    def resolved(self) -> "TrainOptions":
        """These options with every default filled in that depends on the model.

        `tiny` starts from random weights, so it needs far larger learning rates and a first stage that teaches it the
        texts; a pretrained model takes the paper's setting (arXiv 2402.01306, latest version: AdamW, 5e-6, 1 epoch).

        Example:
            >>> TrainOptions(model="my-model").resolved().learning_rate
            5e-06
            >>> TrainOptions(model="tiny", learning_rate=0.01).resolved().learning_rate
            0.01
        """
        tiny = self.model == "tiny"

        def either(given: T | None, for_tiny: T, otherwise: T) -> T:
            return given if given is not None else (for_tiny if tiny else otherwise)

        sft = self.sft.model_copy(
            update={
                "epochs": either(self.sft.epochs, 4, 0),
                "learning_rate": either(self.sft.learning_rate, 5e-3, 2e-5),
                "rows": either(self.sft.rows, "all", "desirable"),
                "tokens": either(self.sft.tokens, "all", "completion"),
            }
        )
        return self.model_copy(
            update={
                "epochs": either(self.epochs, 3, 1),
                "learning_rate": either(self.learning_rate, 1e-3, 5e-6),
                "max_length": either(self.max_length, 128, 1024),
                "sft": sft,
            }
        )


class ScoreOptions(RunOptions):
    """Options of `score`. The results do not depend on `batch_size`."""

    split: str = Field("test", min_length=1, description="The dataset's split to score.")
    batch_size: int = Field(16, ge=1, le=65536, description="Rows in one forward pass, 1 to 65536.")
    beta: Annotated[float, Field(gt=0, le=100)] | None = Field(
        None,
        description="beta in reward = beta * (logp - ref_logp); default: the one the checkpoint was trained with.",
    )
    max_length: Annotated[int, Field(ge=8, le=10_000_000)] | None = Field(
        None, description="Prompt and completion together, in tokens; default: as the checkpoint was trained."
    )


class GenerateOptions(RunOptions):
    """Options of `generate`. The results do not depend on `batch_size`."""

    split: str = Field(
        "test", min_length=1, description="With --data: the split whose distinct prompts are answered."
    )
    limit: Annotated[int, Field(ge=1)] | None = Field(
        None, description="At most this many prompts, the first by prompt_id; default: all."
    )
    batch_size: int = Field(64, ge=1, le=65536, description="Prompts answered at a time, 1 to 65536.")
    max_new_tokens: int = Field(256, ge=1, le=1_000_000, description="Tokens of an answer, at most.")
    temperature: float = Field(
        0.7, ge=0, le=100, description="0 takes the likeliest token; 1 samples the model as is."
    )
    max_prompt_length: Annotated[int, Field(ge=1)] | None = Field(
        None,
        description="Longer prompts keep their end, in tokens; default: half of the training's max_length.",
    )
    seed: int = Field(0, ge=0, lt=2**63, description="Seed of the sampling.")
