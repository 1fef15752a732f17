"""A most that any one prompt, source, model or user may contribute."""

from typing import Annotated

import pyarrow as pa
from pydantic import AfterValidator, Field

from kto_data.columns import check_group_column, group_sql
from kto_data.curation.step import STEPS, Step, StepInput

_COLUMNS = ("prompt_id", "source", "model")


def _check(name: str) -> str:
    return check_group_column(name, _COLUMNS)


@STEPS.register("cap")
class Cap(Step):
    """Keeps at most `max` rows of each group, chosen by a hash of the row_id with the run's seed.

    Rows without a value in that column are no group and stay.

        curate: [{cap: {per: prompt_id, max: 8}}, {cap: {per: meta.user, max: 100}}]
    """

    per: Annotated[str, AfterValidator(_check)]
    """What makes a group: `prompt_id`, `source`, `model`, or a metadata column as `meta.NAME`."""
    max: int = Field(ge=1)
    """The most rows of a group to keep."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop the rows of a group that come after its first `max` in the order of their hashes."""
        # md5 because it is the one hash that DuckDB has and that no version of it can change
        numbered = (
            f"SELECT row_id, member, count(*) OVER (PARTITION BY member) AS n_members, row_number() OVER "  # noqa: S608 - the expression quotes its names
            f"(PARTITION BY member ORDER BY md5('{given.seed}:' || row_id), row_id) AS place "
            f"FROM (SELECT row_id, {group_sql(self.per, given.rows_schema)} AS member FROM rows) WHERE member IS NOT NULL"
        )
        return given.drops(
            f"SELECT row_id, 'over_cap' AS reason, '{self.max} of ' || n_members || ' rows kept' AS detail "  # noqa: S608 - a number of ours
            f"FROM ({numbered}) WHERE place > {self.max}"
        )
