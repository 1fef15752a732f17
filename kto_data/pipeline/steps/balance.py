"""balance: which rows the dataset holds, with their weights and places, and the class weights to train with."""

from dataclasses import asdict, replace
from pathlib import Path

from kto_data.balance.statistics import BalanceStatistics, balance_statistics
from kto_data.balance.weights import UNWEIGHTED, ClassWeights, suggest_weights
from kto_data.dataset.select import TAIL, select_rows
from kto_data.errors import InputError
from kto_data.pipeline.context import Context
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult


def balance(context: Context) -> StepResult:
    """Write `selection.parquet`, and suggest class weights for the train split."""
    options, seed = context.pipeline.file.balance, context.pipeline.file.seed

    def work(folder: Path) -> Outcome:
        selection = folder / "selection.parquet"
        rows = context.rows
        counts = select_rows(
            options,
            rows=rows,
            kept=context.path("curate", "kept.parquet"),
            labels=context.path("aggregate", "labels.parquet"),
            split=context.path("split", "split.parquet"),
            out=selection,
            seed=seed,
            dropped=folder / "dropped.parquet",
        )
        context.run.progress.advanced(counts.n_rows)
        train, test = (
            balance_statistics(rows=rows, selection=selection, split=side) for side in ("train", "test")
        )
        weights = _weights(context, train)
        return Outcome(
            {"n_rows": counts.n_selected, "n_train": train.n_rows, "n_test": test.n_rows},
            {
                "weights": asdict(weights),
                "train": asdict(train),
                "test": asdict(test),
                "order": {side: asdict(facts) for side, facts in counts.order.items()},
                "dropped": {"order": {TAIL: counts.n_left_out} if counts.n_left_out else {}},
            },
        )

    return context.do(
        "balance",
        work,
        options={
            "balance": options.model_dump(mode="json"),
            "seed": seed,
            "trains": context.pipeline.train is not None,
        },
        after=["read", "prepare", "aggregate", "curate", "split"],
    )


def _weights(context: Context, train: BalanceStatistics) -> ClassWeights:
    """Suggest weights; a dataset of one class is written all the same when nothing is to be trained on it.

    Raises:
        InputError: A class is missing, and the pipeline trains.
    """
    try:
        return suggest_weights(train, context.pipeline.file.balance.target_ratio)
    except InputError as error:
        if context.pipeline.train is not None:
            raise
        return replace(UNWEIGHTED, reason=f"No weights were computed: {error}.")
