"""Where labelers contradicted one another: how often, which two, and some of the samples."""

from collections import Counter
from itertools import product
from typing import Any

import numpy as np

from kto_data.balance.votes_of import votes_of
from kto_data.pipeline.context import Context
from kto_data.tables import add_view, database

MOST_ROWS = 5000
"""Rows that pairs of labelers are counted on, chosen by a hash."""
MOST_PAIRS = 10
EXAMPLES = 5
_EXCERPT = 400


def conflicts(context: Context) -> dict[str, Any]:
    """Return what the report says of conflicts; counts of pairs are those of a sample of rows."""
    folder = context.run.path
    with database(folder) as con:
        add_view(con, "rows", context.rows)
        add_view(con, "labels", context.path("aggregate", "labels.parquet"))
        [(n_samples, n_conflicts)] = con.execute(
            "SELECT count(*), count(*) FILTER (conflict) FROM labels"
        ).fetchall()
        found = con.execute(
            "SELECT row_id, label, p_desirable, decided_by, prompt[-1].content, completion[-1].content FROM rows "
            "JOIN labels USING (sample_id) WHERE conflict ORDER BY md5(row_id) LIMIT ?",
            [MOST_ROWS],
        ).fetchall()
        votes = votes_of(con, [row[0] for row in found], context.blocks("rules"), context.blocks("votes"))
    pairs: Counter[tuple[str, str]] = Counter()
    n_opposed = 0
    opposed: list[dict[str, Any]] = []
    signs = np.stack(list(votes.values()), axis=1) if votes else np.zeros((len(found), 0), dtype=np.int8)
    names = list(votes)
    for (row_id, label, p, who, prompt, completion), row in zip(found, signs, strict=True):
        up = [names[at] for at in np.flatnonzero(row > 0)]
        down = [names[at] for at in np.flatnonzero(row < 0)]
        n_opposed += bool(up and down)
        pairs.update(product(up, down))
        if up and down and len(opposed) < EXAMPLES:
            opposed.append(
                {
                    "row_id": row_id,
                    "desirable": up,
                    "undesirable": down,
                    "label": label,
                    "p_desirable": p,
                    "decided_by": who,
                    "prompt": (prompt or "")[:_EXCERPT],
                    "completion": (completion or "")[:_EXCERPT],
                }
            )
    return {
        "n_samples": n_samples,
        "n_conflicts": n_conflicts,
        "n_counted": n_opposed,
        "pairs": [
            {"desirable": up, "undesirable": down, "n": n} for (up, down), n in pairs.most_common(MOST_PAIRS)
        ],
        "examples": opposed,
    }
