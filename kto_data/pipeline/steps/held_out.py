"""held_out: the rows that the model is judged by, before anything is trained."""

from dataclasses import asdict
from pathlib import Path

import pyarrow as pa

from kto_data.balance.selection import SELECTION
from kto_data.balance.weights import UNWEIGHTED
from kto_data.dataset.manifest import ManifestWeights, Order
from kto_data.dataset.write import write_dataset
from kto_data.errors import FindingsError
from kto_data.pipeline.context import Context
from kto_data.runs.folder import Outcome
from kto_data.runs.progress import StepResult
from kto_data.tables import add_view, database, write_parquet


def hold_out(context: Context) -> StepResult:
    """Write the test side as a dataset of its own, with the truth for a label wherever it is known.

    So rows that the votes left undecided are judged by, too, and a wrong label is not.
    """

    def work(folder: Path) -> Outcome:
        chosen = _choose(context, folder)
        if not chosen.num_rows:
            raise FindingsError(
                "no held-out row has a label, so there is nothing to evaluate on; "
                "raise `split.test`, or leave `evaluate` out of the pipeline"
            )
        selection = folder / "selection.parquet"
        write_parquet(selection, SELECTION, chosen.to_batches())
        rows = context.rows
        write_dataset(
            folder / "dataset",
            rows=rows,
            selection=selection,
            weights=ManifestWeights.model_validate(asdict(UNWEIGHTED)),
            seed=context.pipeline.file.seed,
            order=Order(kind="shuffled", seed=context.pipeline.file.seed),
            lineage={},
            name=f"{context.pipeline.file.name}, held out",
            balance={},
            allow_empty_train=True,
        )
        context.run.progress.advanced(chosen.num_rows)
        return Outcome({"n_rows": chosen.num_rows})

    options = {"name": context.pipeline.file.name, "seed": context.pipeline.file.seed}
    after = ["read", "prepare", "aggregate", "truth", "curate", "split"]
    return context.do("held_out", work, options=options, after=after)


def _choose(context: Context, folder: Path) -> pa.Table:
    with database(folder) as con:
        add_view(con, "split", context.path("split", "split.parquet"))
        add_view(con, "kept", context.path("prepare", "kept.parquet"))
        add_view(con, "labels", context.path("aggregate", "labels.parquet"))
        add_view(con, "dropped", context.path("curate", "dropped.parquet"))
        if "truth" in context.done:
            add_view(con, "truth", context.path("truth", "truth.parquet"))
        else:
            con.execute("CREATE TABLE truth (row_id VARCHAR, truth BOOLEAN)")
        con.execute(
            "CREATE TABLE chosen AS SELECT row_id, 'test' AS split, coalesce(truth, label) AS label, 1.0::FLOAT AS weight, "
            "p_desirable, CASE WHEN truth IS NULL THEN decided_by ELSE 'truth' END AS decided_by, "
            "row_number() OVER (ORDER BY row_id) - 1 AS position "
            "FROM split JOIN kept USING (row_id) JOIN labels USING (sample_id) LEFT JOIN truth USING (row_id) "
            "ANTI JOIN dropped USING (row_id) WHERE split = 'test' AND coalesce(truth, label) IS NOT NULL ORDER BY row_id"
        )
        return con.sql("FROM chosen ORDER BY position").to_arrow_table()
