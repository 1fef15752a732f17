"""Samples that people judged in opposite ways."""

from typing import ClassVar, Literal

import pyarrow as pa

from kto_data.curation.step import STEPS, Step, StepInput


@STEPS.register("contradictions")
class Contradictions(Step):
    """Drops samples with feedback both ways: thumbs up here, thumbs down there, for the same output.

    Feedback is every vote about an event (one with a row_id), of all the sample's rows, those that were dropped as
    duplicates among them. Each event counts once; abstentions do not.

        curate: [contradictions]
        curate: [{contradictions: {keep: none}}]
    """

    needs_labels: ClassVar[bool] = True

    keep: Literal["majority", "none"] = "majority"
    """`majority` keeps a sample whose feedback has a majority, and drops ties; `none` drops every contradiction."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop all rows of a contradicting sample."""
        contradicts = "n_up = n_down" if self.keep == "majority" else "n_down > 0"
        return given.drops(
            "SELECT row_id, 'contradicting_feedback' AS reason, n_up || ' up, ' || n_down || ' down' AS detail "  # noqa: S608 - constants of ours
            "FROM rows JOIN (SELECT sample_id, count(*) FILTER (vote > 0) AS n_up, count(*) FILTER (vote < 0) AS n_down "
            "FROM votes WHERE row_id IS NOT NULL GROUP BY sample_id) USING (sample_id) "
            f"WHERE n_up > 0 AND {contradicts}"
        )
