"""The table between labels and dataset: which rows, on which side, with which label, weight and place."""

import pyarrow as pa

SELECTION = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("split", pa.string(), nullable=False),  # train, test
        pa.field("label", pa.bool_(), nullable=False),
        pa.field("weight", pa.float32(), nullable=False),  # of the row; never contains class weights
        pa.field("p_desirable", pa.float64()),
        pa.field("decided_by", pa.string(), nullable=False),
        pa.field("position", pa.int64(), nullable=False),  # from 0 in each split
    ]
)
"""The rows of a dataset without their texts, sorted by row_id."""
