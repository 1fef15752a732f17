"""Labels that are likely wrong: rows whose label a model that never saw their prompt predicts otherwise."""

from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import xxhash
from pydantic import Field
from scipy.sparse import csr_array, vstack

from kto_data.curation.near_rows import text_sql
from kto_data.curation.step import DROPS, STEPS, Step, StepInput
from kto_data.statistics.auc import auc
from kto_data.tables import read_query, write_parquet
from kto_data.texts.features import Floats, counted, inverse_frequencies, weighted
from kto_data.texts.linear import fit, predict

SUSPECTS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("label", pa.bool_(), nullable=False),
        pa.field("p_label", pa.float64(), nullable=False),  # that the label is right, out of sample
        pa.field("flagged", pa.bool_(), nullable=False),
        pa.field("decided_by", pa.string(), nullable=False),
    ]
)
"""Samples in the order in which to look at them: the least likely label first."""

_ROWS_PER_BATCH = 1024
_MIN_OF_A_CLASS = 20

Bools = npt.NDArray[np.bool_]


@STEPS.register("label_errors")
class LabelErrors(Step):
    """Ranks samples by how unlikely their label is, and flags those that are likely wrong; drops them only if told to.

    A logistic regression on the words and word pairs of prompt and completion predicts each label from the samples of
    other prompts (`folds`, by a hash of the prompt_id). A sample is flagged by confident learning (Northcutt, Jiang and
    Chuang 2021, arXiv 1911.00068, Eq. 1 and "prune by class"): the model gives the other label at least the probability
    that it gives, on average, to samples which have that label, and more than the given one. Where the model can hardly
    tell the labels apart (out-of-sample AUC below `min_auc`) it knows nothing of errors either, and none are flagged;
    the AUC stands in the run's manifest. Samples that gold or annotators decide are ranked but never flagged.

    The list stands in `NN_label_errors_suspects.parquet` in the step's folder, to be sent to annotators.

        curate: [label_errors]
        curate: [{label_errors: {action: drop, most: 0.02}}]

    Memory: about 12 bytes a distinct word or word pair of a row, so some 2 kilobytes a row.
    """

    needs_labels: ClassVar[bool] = True
    shorthand: ClassVar[str] = "action"

    action: Literal["flag", "drop"] = "flag"
    """`flag` lists the suspects and keeps them, `drop` leaves the flagged ones out."""
    most: float = Field(default=0.1, gt=0.0, le=1.0)
    """The greatest share of samples to flag, the least likely labels first."""
    folds: int = Field(default=5, ge=2, le=20)
    """Each sample is judged by a model of the samples in the other folds."""
    min_auc: float = Field(default=0.6, ge=0.5, le=1.0)
    """The least AUC at which the model is believed."""
    listed: int = Field(default=1000, ge=1)
    """The most samples to list."""

    def drop(self, given: StepInput) -> pa.Table:
        """Write the suspects; drop the rows of flagged samples if asked to."""
        samples = self._samples(given)
        label_N = np.asarray(samples["label"].to_numpy(zero_copy_only=False), dtype=bool)
        fold_N = _folds(samples["prompt_id"], self.folds, given.seed)
        known = self._can_be_judged(label_N, fold_N)
        p_N = (
            _out_of_sample(self._vectors(given, samples), label_N, fold_N)
            if known
            else np.full(len(label_N), 0.5)
        )
        told = auc(p_N, label_N) if known else None
        open_N = ~np.isin(samples["decided_by"].to_numpy(zero_copy_only=False), ["gold", "annotators"])
        flagged_N: Bools = np.zeros(len(label_N), dtype=bool)
        if told is not None and told >= self.min_auc:
            flagged_N = _confidently_wrong(p_N, label_N) & open_N
        # rounded before they are compared, so that the last digits of a sum decide nothing
        p_label_N = np.where(label_N, p_N, 1 - p_N).round(6)
        order = np.lexsort((np.arange(len(p_label_N)), p_label_N))
        allowed = order[flagged_N[order]][: int(self.most * len(order))]
        flagged_N = np.isin(np.arange(len(order)), allowed)
        given.facts.update(
            auc=None if told is None else round(told, 4),
            n_samples=len(label_N),
            n_flagged=int(flagged_N.sum()),
        )
        suspects = samples.append_column("p_label", pa.array(p_label_N)).append_column(
            "flagged", pa.array(flagged_N)
        )
        listed = suspects.take(pa.array(order[: self.listed])).select(SUSPECTS.names).cast(SUSPECTS)
        write_parquet(given.file("suspects.parquet"), SUSPECTS, listed.to_batches() if known else [])
        return (
            self._drops(given, suspects.filter(pa.array(flagged_N)))
            if self.action == "drop"
            else DROPS.empty_table()
        )

    def _samples(self, given: StepInput) -> pa.Table:
        """Return the labelled samples, sorted, each with its first row."""
        return (
            given.connection.sql(
                "SELECT sample_id, min(row_id) AS row_id, any_value(prompt_id) AS prompt_id, any_value(label) AS label, "
                "any_value(decided_by) AS decided_by FROM rows JOIN labels USING (sample_id) WHERE label IS NOT NULL "
                "GROUP BY sample_id ORDER BY sample_id"
            )
            .to_arrow_table()
            .combine_chunks()
        )

    def _can_be_judged(self, label_N: Bools, fold_N: npt.NDArray[np.int64]) -> bool:
        """Return whether enough of each class is left to learn from, whichever fold is left out."""
        return all(
            min(np.count_nonzero(label_N[fold_N != fold]), np.count_nonzero(~label_N[fold_N != fold]))
            >= _MIN_OF_A_CLASS
            for fold in range(self.folds)
        )

    def _vectors(self, given: StepInput, samples: pa.Table) -> csr_array:
        """Return the TF-IDF vectors of prompt and completion of each sample, in the order of the samples."""
        query = (
            f"SELECT row_id, {text_sql('prompt')} AS prompt, {text_sql('completion')} AS completion FROM rows"  # noqa: S608 - expressions of ours
        )
        parts, places = [], []
        for batch in read_query(given.connection, query, batch_rows=_ROWS_PER_BATCH):
            at = pc.index_in(batch["row_id"], value_set=samples["row_id"].combine_chunks())
            batch, at = batch.filter(at.is_valid()), at.drop_null()
            places.append(at.to_numpy())
            # a word means another thing in a question than in its answer
            parts.append(counted(batch["prompt"], seed=1) + counted(batch["completion"]))
        counts = vstack(parts, format="csr")[np.argsort(np.concatenate(places))]
        n_with_V = np.bincount(counts.indices, minlength=counts.shape[1])
        used = np.flatnonzero(n_with_V >= 2)  # what one sample alone has predicts no other
        return weighted(counts[:, used], inverse_frequencies(n_with_V[used], counts.shape[0]))

    def _drops(self, given: StepInput, flagged: pa.Table) -> pa.Table:
        by_sample = dict(zip(flagged["sample_id"].to_pylist(), flagged["p_label"].to_pylist(), strict=True))
        found: list[dict[str, str]] = []
        for batch in read_query(given.connection, "SELECT row_id, sample_id FROM rows"):
            for row_id, sample_id in zip(*(column.to_pylist() for column in batch.columns), strict=True):
                if sample_id in by_sample:
                    detail = f"its label is right with a probability of {by_sample[sample_id]:.3f}"
                    found.append({"row_id": row_id, "reason": "likely_label_error", "detail": detail})
        return pa.Table.from_pylist(found, schema=DROPS)


def _folds(prompt_ids: pa.ChunkedArray, n_folds: int, seed: int) -> npt.NDArray[np.int64]:
    """Return the fold of each sample: all samples of a prompt are in one."""
    return np.array(
        [
            xxhash.xxh3_64_intdigest(f"{seed}:{prompt}".encode()) % n_folds
            for prompt in prompt_ids.to_pylist()
        ],
        dtype=np.int64,
    )


def _out_of_sample(x_NV: csr_array, label_N: Bools, fold_N: npt.NDArray[np.int64]) -> Floats:
    """Return the probability of desirable for each sample, by a model of the other folds."""
    p_N = np.full(len(label_N), 0.5)
    for fold in np.unique(fold_N):
        inside = fold_N == fold
        p_N[inside] = predict(x_NV[inside], fit(x_NV[~inside], label_N[~inside]))
    return p_N


def _confidently_wrong(p_N: Floats, label_N: Bools) -> Bools:
    """Return the samples that the model would give the other label as surely as it gives it to those that have it."""
    other_N = np.where(label_N, 1 - p_N, p_N)
    threshold_up, threshold_down = p_N[label_N].mean(), (1 - p_N[~label_N]).mean()
    threshold_N = np.where(label_N, threshold_down, threshold_up)
    wrong_N: Bools = (other_N >= threshold_N) & (other_N > 0.5)
    return wrong_N
