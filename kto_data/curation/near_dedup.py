"""Near-duplicates: rows that say almost the same."""

from typing import Annotated, Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import BeforeValidator, Field

from kto_data.curation.near_rows import Part, near_rows
from kto_data.curation.step import DROPS, STEPS, Step, StepInput
from kto_data.texts.near import Near
from kto_data.texts.near_pairs import keep_first


def _several(value: Any) -> Any:
    return (value,) if isinstance(value, str) else value


Parts = Annotated[
    tuple[Part, ...],
    BeforeValidator(_several, json_schema_input_type=Part | tuple[Part, ...]),
    Field(min_length=1),
]


@STEPS.register("near_dedup")
class NearDedup(Step):
    """Drops rows whose texts are near those of a row that is kept.

    Two texts are near when the sets of their shingles (every `words` consecutive words, in lower case, without
    punctuation) have a Jaccard similarity of `threshold` or more. Candidates come from locality-sensitive hashing
    (which finds 99.8% or more of such pairs), and each is verified, so no row is dropped that is not near. Of what is
    kept no two are near, and each dropped row names the kept one that it is near to: it is never dropped for a
    chain of others in between.

    Kept is first what gold speaks of, then what has more votes, then the smaller row_id. Rows with opposite labels are
    left alone, unless `labels: together`: two answers that differ in the one word that matters are what KTO
    learns from. Votes on dropped rows do not count for the kept ones, because they were about other texts;
    how many there were stands in the run's manifest (`n_votes_left_out`).

        curate: [near_dedup]
        prepare: [{near_dedup: {threshold: 0.7, words: 3, of: completion}}]

    Memory: about 150 bytes a row, and 8 bytes a distinct shingle of candidates in a file.
    """

    merges: ClassVar[bool] = True
    shorthand: ClassVar[str] = "threshold"

    threshold: float = Field(default=0.8, gt=0.0, le=1.0)
    """The least Jaccard similarity of near texts."""
    words: int = Field(default=5, ge=1, le=100)
    """Words in a shingle; 3 for short texts."""
    of: Parts = ("prompt", "completion")
    """What must be near: `prompt`, `completion`, or both, each to its own."""
    labels: Literal["apart", "together"] = "apart"
    """Whether rows with opposite labels can be duplicates of one another."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop the rows near a kept one; the detail names it and the similarity."""
        con = given.connection
        con.execute(
            "CREATE OR REPLACE VIEW judged AS SELECT rows.*, label, coalesce(decided_by = 'gold', false) AS is_gold, "
            "coalesce(n_votes, 0) AS n_votes FROM rows LEFT JOIN labels USING (sample_id)"
        )
        with near_rows(
            con,
            given.scratch,
            Near(self.threshold, self.words),
            self.of,
            source="judged",
            order="is_gold DESC, n_votes DESC, row_id",
            group="CAST(label AS VARCHAR)" if self.labels == "apart" else None,
        ) as found:
            near = keep_first(found.buckets, found.sets, self.threshold)
            dropped, kept = found.ids(near.second_P), found.ids(near.first_P)
        con.execute("DROP VIEW judged")
        shown = pa.array(
            [f"{similarity:.3f} similar to " for similarity in near.similarity_P.tolist()], pa.string()
        )
        detail = pc.binary_join_element_wise(shown, kept, "")
        reason = pa.array(["near_duplicate"] * len(dropped), pa.string())
        return pa.table([dropped, reason, detail], schema=DROPS)
