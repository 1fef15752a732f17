"""Samples that people judged in opposite ways, and near-same answers to one prompt with opposite labels."""

from pathlib import Path
from typing import ClassVar, Literal

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import Field

from kto_data.curation.near_rows import NearRows, near_rows, text_sql
from kto_data.curation.step import STEPS, Step, StepInput
from kto_data.tables import add_view
from kto_data.texts.near import Near
from kto_data.texts.near_pairs import near_pairs

_HUMAN = "('gold', 'annotators')"


@STEPS.register("contradictions")
class Contradictions(Step):
    """Drops what contradicts itself, where no majority and no person settles it.

    Three kinds: a sample with thumbs both ways (`contradicting_feedback`), one on which annotators disagree
    (`contradicting_annotators`), and near-same completions to one prompt with opposite labels
    (`contradicting_near_same`). Feedback is every vote about an event, of all the sample's rows, those that were
    dropped as duplicates among them; abstentions do not count. Completions are near-same at a Jaccard similarity of their
    word 3-shingles of `near`, each pair verified, and with the same numbers in them: "x = 7" and "x = 8" differ.
    Samples decided by gold are never dropped.

        curate: [contradictions]
        curate: [{contradictions: {keep: human, near: 0.95}}]

    Memory: for near-same completions as for `near_dedup`, of the prompts with both labels alone.
    """

    needs_labels: ClassVar[bool] = True
    shorthand: ClassVar[str] = "keep"

    keep: Literal["majority", "human", "none"] = "majority"
    """`majority` keeps what has one (of the feedback, of the annotators; of near-same samples the label with more votes)
    and drops ties; `human` keeps only what annotators or gold decide; `none` drops every contradiction."""
    near: float | None = Field(default=0.9, gt=0.0, le=1.0)
    """The similarity from which completions to one prompt are near-same; null to look at equal samples alone."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop all rows of contradicting samples."""
        con = given.connection
        # an annotator who was asked twice counts twice here: the votes, not the person, contradict
        con.execute(
            "CREATE OR REPLACE VIEW opposed AS SELECT sample_id, kind, n_up, n_down, decided_by FROM ("
            "SELECT sample_id, CASE WHEN labelers.kind = 'annotator' THEN 'annotators' ELSE 'feedback' END AS kind, "
            "count(*) FILTER (vote > 0) AS n_up, count(*) FILTER (vote < 0) AS n_down FROM votes "
            "LEFT JOIN (SELECT labeler, any_value(kind) AS kind FROM labelers GROUP BY labeler) AS labelers USING (labeler) "
            "WHERE row_id IS NOT NULL OR labelers.kind = 'annotator' GROUP BY ALL) "
            "LEFT JOIN labels USING (sample_id) WHERE n_up > 0 AND n_down > 0 AND decided_by IS DISTINCT FROM 'gold'"
        )
        settled = {
            "majority": "n_up <> n_down",
            "human": "coalesce(decided_by = 'annotators', false)",
            "none": "false",
        }[self.keep]
        # a sample with both kinds is dropped for the annotators, who were asked
        dropped = given.drops(
            "SELECT row_id, 'contradicting_' || min(kind) AS reason, arg_min(n_up || ' up, ' || n_down || ' down', kind) AS detail "  # noqa: S608 - constants of ours
            f"FROM rows JOIN opposed USING (sample_id) WHERE NOT ({settled}) GROUP BY row_id"
        )
        con.execute("DROP VIEW opposed")
        return dropped if self.near is None else pa.concat_tables([dropped, self._near_same(given, dropped)])

    def _near_same(self, given: StepInput, dropped: pa.Table) -> pa.Table:
        con = given.connection
        pq.write_table(dropped.select(["row_id"]), given.scratch / "dropped.parquet")
        add_view(con, "already", given.scratch / "dropped.parquet")
        con.execute(
            "CREATE OR REPLACE VIEW labelled AS SELECT rows.*, label, n_votes, decided_by FROM rows "
            "JOIN labels USING (sample_id) ANTI JOIN already USING (row_id) WHERE label IS NOT NULL"
        )
        con.execute(
            "CREATE OR REPLACE VIEW both_ways AS FROM labelled SEMI JOIN (SELECT prompt_id FROM labelled "
            "GROUP BY prompt_id HAVING bool_or(label) AND NOT bool_and(label)) USING (prompt_id)"
        )
        assert self.near is not None, "checked above"
        near = Near(self.near, 3)
        with near_rows(
            con, given.scratch, near, ["completion"], source="both_ways", group="prompt_id"
        ) as found:
            add_view(con, "pairs", _write_pairs(found, near, given.scratch / "pairs.parquet"))
        drops = given.drops(self._losers())
        for view in ("pairs", "both_ways", "labelled", "already"):
            con.execute(f"DROP VIEW {view}")
        return drops

    def _losers(self) -> str:
        """Return the query for the rows of opposed pairs that go: each is weighed against its opponents alone."""
        numbers = f"regexp_extract_all({text_sql('{0}.completion')}, '[0-9]+')"
        opposed = (
            "SELECT a.row_id, a.label, a.n_votes, a.decided_by, b.row_id AS other, b.n_votes AS other_votes, "  # noqa: S608 - expressions of ours
            "b.decided_by AS other_decided_by, similarity FROM pairs JOIN both_ways AS a ON a.row_id = pairs.first "
            "JOIN both_ways AS b ON b.row_id = pairs.second WHERE a.label <> b.label AND a.prompt_id = b.prompt_id "
            f"AND {numbers.format('a')} = {numbers.format('b')}"
        )
        wins = {
            "majority": "any_value(n_votes) > sum(other_votes) AND NOT bool_or(other_decided_by = 'gold')",
            "human": f"any_value(decided_by) IN {_HUMAN} AND NOT bool_or(other_decided_by IN {_HUMAN})",
            "none": "false",
        }[self.keep]
        return (
            f"WITH opposed AS ({opposed}) SELECT row_id, 'contradicting_near_same' AS reason, "  # noqa: S608 - constants of ours
            "printf('%.3f similar to ', max(similarity)) || arg_max(other, (similarity, other)) || ', which is ' || "
            "CASE WHEN any_value(label) THEN 'undesirable' ELSE 'desirable' END AS detail FROM opposed "
            f"GROUP BY row_id HAVING any_value(decided_by) <> 'gold' AND NOT ({wins})"
        )


def _write_pairs(found: NearRows, near: Near, path: Path) -> Path:
    """Write the near pairs, each both ways round."""
    parts = list(near_pairs(found.buckets, found.sets, near.threshold, found.keys_NB))
    none = np.zeros(0, np.int64)
    first, second, similarity = (
        np.concatenate([none, *(getattr(part, name) for part in parts)])
        for name in ("first_P", "second_P", "similarity_P")
    )
    pairs = {
        "first": found.ids(np.concatenate([first, second]).astype(np.int64)),
        "second": found.ids(np.concatenate([second, first]).astype(np.int64)),
        "similarity": np.concatenate([similarity, similarity]),
    }
    pq.write_table(pa.table(pairs), path)
    return path
