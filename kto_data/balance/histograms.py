"""How long completions are, and how sure labels are, by label: for pictures."""

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from kto_data.statistics.histograms import histogram_by_class
from kto_data.tables import add_view, database


def class_histograms(*, rows: Path, selection: Path, profile: Path) -> dict[str, Any]:
    """Return the histograms `lengths` (characters of the completions) and `scores` (p_desirable), as JSON values.

    Both splits are counted; None where there is nothing to count. `rows` is not read.
    """
    with database(selection.parent) as con:
        add_view(con, "selection", selection)
        add_view(con, "profile", profile)
        found = con.execute(
            "SELECT label, chars, coalesce(p_desirable, 'nan'::DOUBLE) AS p FROM selection JOIN profile USING (row_id)"
        ).fetchnumpy()
    label = found["label"].astype(np.bool_)
    values = {
        "lengths": found["chars"].astype(np.float64),
        "scores": np.asarray(found["p"], dtype=np.float64),
    }
    drawn = {name: histogram_by_class(value, label) for name, value in values.items()}
    return {name: None if one is None else asdict(one) for name, one in drawn.items()}
