"""Canned answers: one completion under very many prompts."""

from typing import ClassVar

import pyarrow as pa
from pydantic import Field

from kto_data.curation.step import STEPS, Step, StepInput
from kto_data.curation.text_keys import KEYS, text_keys
from kto_data.tables import add_view, write_parquet


@STEPS.register("canned")
class Canned(Step):
    """Keeps a completion that stands under very many prompts with a few of them.

    "I'm sorry, but I can't help with that" under a thousand prompts teaches the sentence and not when to say it, and such
    rows crowd out others. Completions are equal but for case and white space. Which prompts keep theirs follows from
    hashes with the run's seed. Memory: 100 bytes a row, which spill to disk.

        curate: [{canned: {max_prompts: 50}}]
        curate: [{canned: {max_prompts: 50, keep: 0}}]
    """

    shorthand: ClassVar[str] = "max_prompts"

    max_prompts: int = Field(default=50, ge=1)
    """The most prompts under which one completion may stand."""
    keep: int | None = Field(default=None, ge=0)
    """With how many prompts one that stands under more is kept; as many as `max_prompts` if not given."""

    def drop(self, given: StepInput) -> pa.Table:
        """Drop the rows of a canned completion under all but some prompts."""
        con = given.connection
        keys = given.scratch / "keys.parquet"
        write_parquet(keys, KEYS, text_keys(con, ["completion"]))
        add_view(con, "text_keys", keys)
        keep = self.max_prompts if self.keep is None else self.keep
        # md5 because it is the one hash that DuckDB has and that no version of it can change
        found = given.drops(
            "WITH placed AS (SELECT row_id, key, dense_rank() OVER (PARTITION BY key ORDER BY "  # noqa: S608 - numbers of ours
            f"md5('{given.seed}:' || prompt_id), prompt_id) AS place FROM rows JOIN text_keys USING (row_id)), "
            "counted AS (SELECT key, max(place) AS n_prompts FROM placed GROUP BY key) "
            "SELECT row_id, 'canned_completion' AS reason, 'stands under ' || n_prompts || ' prompts' AS detail "
            f"FROM placed JOIN counted USING (key) WHERE n_prompts > {self.max_prompts} AND place > {keep}"
        )
        con.execute("DROP VIEW text_keys")
        return found
