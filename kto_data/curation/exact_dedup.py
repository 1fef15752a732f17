"""Exact duplicates: rows of the same prompt and completion."""

import pyarrow as pa

from kto_data.curation.step import STEPS, Step, StepInput


@STEPS.register("exact_dedup")
class ExactDedup(Step):
    """Keeps one row of each sample: the one with the smallest row_id.

    Rows are equal when their canonical prompt and completion are (the same sample_id). What was learned about the
    others is not lost: votes are pooled by sample, so a thumb on a dropped row still counts for the row that is kept.

        prepare: [exact_dedup]
    """

    def drop(self, given: StepInput) -> pa.Table:
        """Drop all but the first row of each sample; the detail names the kept one."""
        return given.drops(
            "SELECT row_id, 'exact_duplicate' AS reason, 'the same as ' || first AS detail "
            "FROM (SELECT row_id, min(row_id) OVER (PARTITION BY sample_id) AS first FROM rows) WHERE row_id <> first"
        )
