"""Exact duplicates: rows of the same prompt and completion."""

from typing import ClassVar, Literal

import pyarrow as pa

from kto_data.curation.step import STEPS, Step, StepInput
from kto_data.curation.text_keys import KEYS, text_keys
from kto_data.tables import add_view, write_parquet


@STEPS.register("exact_dedup")
class ExactDedup(Step):
    """Keeps one row of each sample: the one with the smallest row_id.

    Rows are equal when their canonical prompt and completion are (the same sample_id). What was learned about the
    others is not lost: votes are pooled by sample, so a thumb on a dropped row still counts for the row that is kept.

        prepare: [exact_dedup]
        prepare: [{exact_dedup: normalised}]

    With `normalised`, texts are also equal that differ in case, white space or Unicode's compatibility forms alone. Those
    are other samples, so votes on them do not count for the kept one; how many there were stands in the run's
    manifest (`n_votes_left_out`). Memory: 100 bytes a row, which spill to disk.
    """

    merges: ClassVar[bool] = True
    shorthand: ClassVar[str] = "by"

    by: Literal["bytes", "normalised"] = "bytes"
    """When texts are equal: `bytes`, or `normalised` (case, white space and compatibility forms aside)."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop all but the first row of each group of equals; the detail names the kept one."""
        con, key, source = given.connection, "sample_id", "rows"
        if self.by == "normalised":
            keys = given.scratch / "keys.parquet"
            write_parquet(keys, KEYS, text_keys(con, ["prompt", "completion"]))
            add_view(con, "text_keys", keys)
            key, source = "key", "text_keys"
        found = given.drops(
            f"SELECT row_id, '{'exact' if self.by == 'bytes' else 'normalised'}_duplicate' AS reason, 'the same as ' || first AS detail "  # noqa: S608 - constants of ours
            f"FROM {source} JOIN (SELECT {key}, min(row_id) AS first FROM {source} GROUP BY {key} HAVING count(*) > 1) USING ({key}) "
            "WHERE row_id <> first"
        )
        if self.by == "normalised":
            con.execute("DROP VIEW text_keys")
        return found
