"""Some of the rows that steps left out, with their texts."""

from pathlib import Path
from typing import Any

from kto_data.pipeline.context import Context
from kto_data.tables import add_view, database

EXAMPLES = 2
"""Rows shown of each reason, chosen by a hash."""
_EXCERPT = 300


def dropped_examples(context: Context) -> list[dict[str, Any]]:
    """Return a few rows of each step and reason, as the report shows them."""
    examples: list[dict[str, Any]] = []
    with database(context.run.path) as con:
        add_view(con, "rows", context.rows)
        for step in ("prepare", "curate", "balance"):
            file: Path = context.path(step, "dropped.parquet")
            add_view(con, f"dropped_{step}", file)
            found = con.execute(
                "SELECT step, reason, row_id, detail, prompt[-1].content, completion[-1].content FROM "  # noqa: S608 - words of ours
                f"(SELECT *, row_number() OVER (PARTITION BY step, reason ORDER BY md5(row_id)) AS nth FROM dropped_{step}) "
                "JOIN rows USING (row_id) WHERE nth <= ? ORDER BY step, reason, nth",
                [EXAMPLES],
            ).fetchall()
            examples += [
                {
                    "step": f"{step}: {name}",
                    "reason": reason,
                    "row_id": row_id,
                    "detail": detail,
                    "prompt": (prompt or "")[:_EXCERPT],
                    "completion": (completion or "")[:_EXCERPT],
                }
                for name, reason, row_id, detail, prompt, completion in found
            ]
    return examples
