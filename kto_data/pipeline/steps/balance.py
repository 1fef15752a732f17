"""balance: which rows the dataset holds, with their weights and places, and the class weights to train with."""

from dataclasses import asdict, replace
from pathlib import Path

from kto_data.balance.histograms import class_histograms
from kto_data.balance.profile import write_profile
from kto_data.balance.shortcuts import audit_shortcuts
from kto_data.balance.statistics import BalanceStatistics, balance_statistics
from kto_data.balance.weights import UNWEIGHTED, ClassWeights, suggest_weights
from kto_data.dataset.select import TAIL, select_rows
from kto_data.errors import InputError
from kto_data.pipeline.context import Context
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult

BALANCE_FACTS = ("train", "test", "weights", "order", "shortcuts", "histograms")
"""What a dataset's `balance.json` holds."""


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
        files = {"rows": rows, "selection": selection, "profile": folder / "profile.parquet"}
        write_profile(files["profile"], rows=rows, selection=selection, seed=seed)
        train, test = (
            balance_statistics(**files, split=side, batch_rows=options.batch_rows)
            for side in ("train", "test")
        )
        weights = _weights(context, train)
        shortcuts = audit_shortcuts(
            **files,
            seed=seed,
            rule_blocks=context.blocks("rules"),
            vote_blocks=context.blocks("votes"),
        )
        return Outcome(
            {"n_rows": counts.n_selected, "n_train": train.n_rows, "n_test": test.n_rows},
            {
                "weights": asdict(weights),
                "train": asdict(train),
                "test": asdict(test),
                "shortcuts": asdict(shortcuts),
                "histograms": class_histograms(**files),
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
    options = context.pipeline.file.balance
    try:
        return suggest_weights(train, options.target_ratio, loss_aversion=options.loss_aversion)
    except InputError as error:
        if context.pipeline.train is not None:
            raise
        return replace(UNWEIGHTED, reason=f"No weights were computed: {error}.")
