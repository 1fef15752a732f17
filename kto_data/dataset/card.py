"""The dataset card: README.md with the front matter that the Hugging Face hub and `datasets` read."""

import json
from collections.abc import Sequence

from kto_data.dataset.manifest import SPLITS, DatasetManifest

ABOUT_COLUMNS = {
    "prompt": "the conversation so far: a list of messages with `role` and `content`",
    "completion": "the output that was judged, as a list of messages",
    "label": "`true` for desirable, `false` for undesirable",
    "weight": "the row's weight in the loss, on average 1 over the train split; contains no class weight",
    "sample_id": "a hash of prompt and completion",
    "row_id": "where the row came from",
    "prompt_id": "a hash of the prompt",
    "source": "the input that the row came from",
    "p_desirable": "the probability that the output is desirable, where it was computed",
    "decided_by": "who or what decided the label",
}
"""What each column of a dataset means."""

_CARD = """\
# {title}

A dataset of single outputs, each marked desirable or undesirable, for KTO (Kahneman-Tversky Optimization,
[arXiv 2402.01306](https://arxiv.org/abs/2402.01306)), in TRL's unpaired preference format. Written by kto-data.

## Rows

| split | rows | desirable | undesirable |
|---|---:|---:|---:|
{counts}

The rows are in an order of kind `{order}` with seed {seed}. {order_reason} `balance.json` has the balance by source and model,
`croissant.json` describes the files for machines, and `manifest.json` has the files with their checksums and what the dataset was made from.

## Class weights

`desirable_weight` {desirable_weight}, `undesirable_weight` {undesirable_weight}. {reason}

## Columns

| column | meaning |
|---|---|
{columns}
{training}"""

_TRAINING = """
## Training

With [TRL](https://huggingface.co/docs/trl/kto_trainer), where FOLDER is the path of this folder (TRL reads the rows in their order, and knows
no row weights):

```python
from datasets import load_dataset
from trl import KTOConfig, KTOTrainer

trainer = KTOTrainer(
    model="MODEL",
    args=KTOConfig(
        output_dir="checkpoint",
        desirable_weight={desirable_weight},
        undesirable_weight={undesirable_weight},
    ),
    train_dataset=load_dataset("FOLDER", split="train"),
)
trainer.train()
```

With the trainer that comes with kto-data, which takes class and row weights from here:

```sh
python -m kto_trainer train --data . --model MODEL --output checkpoint
```
"""


def dataset_card(manifest: DatasetManifest, *, columns: Sequence[str], license_id: str | None = None) -> str:
    """Return the text of README.md.

    Names that come from users are escaped: they cannot add markup, HTML or front matter.

    Args:
        manifest: What the folder holds.
        columns: The columns of its shards.
        license_id: A license as the hub names it; unknown by default.
    """
    weights = {
        "desirable_weight": f"{manifest.weights.desirable_weight:.10g}",
        "undesirable_weight": f"{manifest.weights.undesirable_weight:.10g}",
    }
    counts = [
        f"| {split} | {count.rows:,} | {count.desirable:,} | {count.undesirable:,} |"
        for split in SPLITS
        if (count := manifest.counts[split]).rows
    ]
    body = _CARD.format(
        title=escape_markdown(manifest.name),
        counts="\n".join(counts),
        order=manifest.order.kind,
        seed=manifest.order.seed,
        order_reason=escape_markdown(manifest.order.reason),
        reason=escape_markdown(manifest.weights.reason),
        columns="\n".join(f"| `{name}` | {ABOUT_COLUMNS[name]} |" for name in columns),
        training=_TRAINING.format(**weights) if manifest.counts["train"].rows else "",
        **weights,
    )
    return f"{_front_matter(manifest, license_id)}\n{body}"


def _front_matter(manifest: DatasetManifest, license_id: str | None) -> str:
    """Return the YAML block; its `configs` keep `datasets` from taking the JSON files for data."""
    files = [
        f'  - split: {split}\n    path: "{split}-*.parquet"'
        for split in SPLITS
        if manifest.counts[split].rows
    ]
    lines = [
        "---",
        f"license: {_yaml(license_id or 'unknown')}",
        f"pretty_name: {_yaml(manifest.name)}",
        "task_categories:",
        "- text-generation",
        "tags:",
        *(f"- {tag}" for tag in ("kto", "unpaired-preference", "preference", "trl", "kto-data")),
        f"size_categories:\n- {_size(sum(count.rows for count in manifest.counts.values()))}",
        "configs:",
        "- config_name: default",
        "  data_files:",
        *files,
        "---",
    ]
    return "\n".join(lines) + "\n"


def _size(n: int) -> str:
    """Return the hub's word for so many rows.

    >>> _size(999), _size(12_000)
    ('n<1K', '10K<n<100K')
    """
    if n < 1000:
        return "n<1K"
    names = ("1K", "10K", "100K", "1M", "10M", "100M", "1B")
    at = min(len(str(n)) - 4, len(names) - 2)
    return f"{names[at]}<n<{names[at + 1]}"


def escape_markdown(text: str) -> str:
    r"""Return a text that Markdown shows as it is, on one line.

    >>> print(escape_markdown("a *b* <script>|x\n# y"))
    a \*b\* \<script\>\|x \# y
    """
    return "".join(f"\\{c}" if c in "\\`*_{}[]<>()#+-!|~&$" else c for c in one_line(text))


def _yaml(text: str) -> str:
    """Return a text as a quoted YAML scalar (JSON's are)."""
    return json.dumps(one_line(text), ensure_ascii=False)


def one_line(text: str) -> str:
    """Return a text without line breaks and what cannot be printed."""
    return " ".join("".join(c if c.isprintable() else " " for c in text).split())
