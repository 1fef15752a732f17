"""write: the dataset folder."""

from pathlib import Path
from typing import Any

from kto_data.balance.order_facts import OrderFacts
from kto_data.dataset.manifest import ManifestWeights, Order
from kto_data.dataset.write import write_dataset
from kto_data.pipeline.context import Context
from kto_data.pipeline.steps.balance import BALANCE_FACTS
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult


def write(context: Context) -> StepResult:
    """Write `dataset/`, which the trainer and everybody else reads."""
    pipeline = context.pipeline.file
    lineage = _lineage(context)

    def work(folder: Path) -> Outcome:
        rows, selection = context.rows, context.path("balance", "selection.parquet")
        manifest = write_dataset(
            folder / "dataset",
            rows=rows,
            selection=selection,
            weights=ManifestWeights.model_validate(context.done["balance"].facts["weights"]),
            seed=pipeline.seed,
            order=_order(context),
            lineage=lineage,
            name=pipeline.name,
            balance={name: context.done["balance"].facts[name] for name in BALANCE_FACTS},
            allow_empty_train=pipeline.split.evaluation_only,
            advance=context.run.progress.advanced,
        )
        return Outcome({"n_rows": sum(shard.rows for shard in manifest.shards)})

    options = {"name": pipeline.name, "seed": pipeline.seed, "lineage": lineage}
    return context.do("write", work, options=options, after=["read", "prepare", "balance"])


def _order(context: Context) -> Order:
    options = context.pipeline.file.balance
    facts = {side: OrderFacts(**found) for side, found in context.done["balance"].facts["order"].items()}
    return Order.of(options.order, context.pipeline.file.seed, facts)


def _lineage(context: Context) -> dict[str, Any]:
    """Return what the dataset follows from, in hashes that are the same on every machine."""
    files = context.done["read"].facts["files"]
    labelers = context.done["aggregate"].facts["labelers"]
    return {
        "inputs": [{"file": Path(file["name"]).name, "xxh3_128": file["xxh3_128"]} for file in files],
        "labelers": [labeler["labeler"] for labeler in labelers],
        "split": context.done["split"].facts["proof"],  # that no group stands on two sides
        "steps": {
            name: result.outputs_hash
            for name, result in context.done.items()
            if name not in ("split", "truth")
        },
    }
