"""`truth:` and `gold:`: what is known to be right, to compare labels with, or for the aggregation to learn from."""

from pydantic import Field

from kto_data.config.validate import Options
from kto_data.labelers.decision_table import DecisionTable


class TruthFile(Options):
    """What is known to be right, in a file of its own."""

    file: str
    """JSON lines."""
    id: str = "id"
    """Its key that holds the record's id."""
    label: str = "desirable"
    """Its key that holds true or false."""


class GoldFile(Options):
    """Known labels in a file of their own."""

    file: str
    """Parquet, JSON lines or CSV with the columns sample_id (or row_id, or the records' id) and label,
    and perhaps source and p_selected."""
    id: str = "sample_id"
    """Its column that says what is meant: `sample_id`, `row_id`, or another for the records' own ids."""


class GoldColumns(DecisionTable):
    """Known labels in columns of the input."""

    p_selected: float | None = Field(None, gt=0.0, le=1.0)
    """The probability with which each was chosen to be labelled, where it was the same for all of these."""
    p_selected_column: str | None = None
    """... or the column that holds it, such as `meta.p_selected`."""
