"""A most that any one prompt, source, model, user or cluster may contribute."""

from typing import Annotated

import pyarrow as pa
from pydantic import AfterValidator, Field

from kto_data.columns import check_group_column, group_sql
from kto_data.curation.near_rows import CLUSTERS, NearOptions, write_clusters
from kto_data.curation.step import STEPS, Step, StepInput
from kto_data.tables import add_view

_COLUMNS = ("prompt_id", "conversation_id", "source", "model", *CLUSTERS)


def _check(name: str) -> str:
    return check_group_column(name, _COLUMNS)


@STEPS.register("cap")
class Cap(Step):
    """Keeps at most `max` rows of each group, chosen by a hash of the row_id with the run's seed.

    Rows without a value in that column are no group and stay. A cluster is what a chain of near-duplicates joins; `near`
    says what is near. Memory: 100 bytes a row, which spill to disk; for clusters as for `near_dedup`.

        curate: [{cap: {per: prompt_id, max: 8}}, {cap: {per: meta.user, max: 100}}]
        curate: [{cap: {per: completion_cluster, max: 20, near: {threshold: 0.7, words: 3}}}]
    """

    per: Annotated[str, AfterValidator(_check)]
    """What makes a group: `prompt_id`, `conversation_id`, `source`, `model`, a metadata column as `meta.NAME` (the user),
    `prompt_cluster` or `completion_cluster` (near-duplicates)."""
    max: int = Field(ge=1)
    """The most rows of a group to keep."""
    near: NearOptions = NearOptions()
    """What is near, for clusters."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop the rows of a group that come after its first `max` in the order of their hashes."""
        if self.per in CLUSTERS:
            clusters = write_clusters(
                given.connection, given.scratch, self.near.as_near(), CLUSTERS[self.per]
            )
            add_view(given.connection, "clustered", clusters)
            members = "SELECT row_id, cluster AS member FROM clustered"
        else:
            members = f"SELECT row_id, {group_sql(self.per, given.rows_schema)} AS member FROM rows"  # noqa: S608 - the expression quotes its names
        # md5 because it is the one hash that DuckDB has and that no version of it can change
        numbered = (
            f"SELECT row_id, member, count(*) OVER (PARTITION BY member) AS n_members, row_number() OVER "  # noqa: S608 - as above
            f"(PARTITION BY member ORDER BY md5('{given.seed}:' || row_id), row_id) AS place "
            f"FROM ({members}) WHERE member IS NOT NULL"
        )
        found = given.drops(
            f"SELECT row_id, 'over_cap' AS reason, '{self.max} of ' || n_members || ' rows kept' AS detail "  # noqa: S608 - a number of ours
            f"FROM ({numbered}) WHERE place > {self.max}"
        )
        given.connection.execute("DROP VIEW IF EXISTS clustered")
        return found
