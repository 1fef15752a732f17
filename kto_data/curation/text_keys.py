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
_PLAIN = bytes(ord(" ") if chr(code).isspace() else ord(chr(code).lower()) for code in range(128)) + bytes(
    128
)
# control characters tell the parts of a message, messages and columns apart; between spaces, as the texts' own ends
# do not matter
_MESSAGE = (
    "concat_ws(' \x01 ', m.role, nullif(m.content, ''), '\x02 ' || nullif(m.reasoning, ''), "
    "'\x03 ' || nullif(m.tool_calls, ''), '\x04 ' || nullif(m.name, ''))"
)


def normalised(text: str) -> bytes:
    r"""Return a text in Unicode's compatibility form, case-folded, with single spaces, as UTF-8.

    >>> normalised(" The  ﬁnal\nAnswer ")
    b'the final answer'
    """
    if not text.isascii():
        folded = unicodedata.normalize("NFKC", text).casefold()
        return " ".join(folded.split()).encode("utf-8", "surrogatepass")
    plain = text.encode("ascii").translate(_PLAIN)
    if b"  " in plain or plain[:1] == b" " or plain[-1:] == b" ":
        return b" ".join(plain.split())
    return plain


def text_keys(con: duckdb.DuckDBPyConnection, columns: Sequence[str]) -> Iterator[pa.RecordBatch]:
    """Yield a key (xxh3_128, as hexadecimal digits) of the normalised messages in some columns of `rows`, as `KEYS`.

    Args:
        con: A DuckDB with the view `rows`.
        columns: `prompt`, `completion` or both.
    """
    parts = (
        f"array_to_string(list_transform({column}, lambda m: {_MESSAGE}), ' \x05 ')" for column in columns
    )
    text = " || ' \x06 ' || ".join(parts)
    for batch in read_query(con, f"SELECT row_id, {text} AS said FROM rows", batch_rows=_ROWS_PER_BATCH):  # noqa: S608 - column names of ours
        keys = [xxhash.xxh3_128_hexdigest(normalised(text)) for text in batch["said"].to_pylist()]
        yield pa.record_batch([batch["row_id"], pa.array(keys, pa.string())], schema=KEYS)
