"""A key for the text of each row, equal for texts that are equal, or equal but for case and white space."""

import unicodedata
from collections.abc import Iterator, Sequence

import duckdb
import pyarrow as pa
import xxhash

from kto_data.tables import read_query

KEYS = pa.schema(
    [pa.field("row_id", pa.string(), nullable=False), pa.field("key", pa.string(), nullable=False)]
)
"""A row and the key of its text."""

_ROWS_PER_BATCH = 4096
# what tells the parts of a message, messages and columns apart; between spaces, so that those around it do not matter
_APART = " \ue000 "


def normalised(text: str) -> str:
    r"""Return a text in Unicode's compatibility form, case-folded, with single spaces.

    >>> normalised(" The  ﬁnal\nAnswer ")
    'the final answer'
    """
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def text_keys(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield a key (xxh3_128, as hexadecimal digits) of the normalised messages in some columns of `rows`, as `KEYS`.

    Args:
        con: A DuckDB with the view `rows`.
        columns: `prompt`, `completion` or both.
    """
    parts = (f"list_transform({column}, lambda m: concat_ws('{_APART}', {_fields()}))" for column in columns)
    text = f" || '{_APART * 3}' || ".join(f"array_to_string({part}, '{_APART * 2}')" for part in parts)
    for batch in read_query(con, f"SELECT row_id, {text} AS said FROM rows", batch_rows=_ROWS_PER_BATCH):  # noqa: S608 - column names of ours
        keys = [
            xxhash.xxh3_128_hexdigest(normalised(text).encode("utf-8", "surrogatepass"))
            for text in batch["said"].to_pylist()
        ]
        yield pa.record_batch([batch["row_id"], pa.array(keys, pa.string())], schema=KEYS)


def _fields() -> str:
    return ", ".join(
        f"coalesce(m.{name}, '')" for name in ("role", "content", "reasoning", "tool_calls", "name")
    )
