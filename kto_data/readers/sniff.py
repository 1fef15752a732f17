"""What a file is, by its name and first bytes: enough to refuse what holds no records before any work."""

import os
from pathlib import Path

from kto_data.readers.byte_file import BOM, GZIP_MAGIC, HEAD_BYTES, BrokenStreamError, ByteFile
from kto_data.readers.containers import FileProblemError, detect

_KNOWN_BINARY = (
    (b"\x89PNG", "a PNG image"),
    (b"\xff\xd8\xff", "a JPEG image"),
    (b"GIF8", "a GIF image"),
    (b"%PDF", "a PDF document"),
    (b"PK\x03\x04", "a zip archive (or an office document); unpack it"),
    (b"\x1f\x8b", "gzipped twice; unpack it once"),
    (b"\x28\xb5\x2f\xfd", "compressed with zstd; unpack it, or use gzip"),
    (b"BZh", "compressed with bzip2; unpack it, or use gzip"),
    (b"\xfd7zXZ", "compressed with xz; unpack it, or use gzip"),
    (b"7z\xbc\xaf", "a 7z archive; unpack it"),
    (b"SQLite format 3\0", "an SQLite database; export the table as CSV"),
    (b"ARROW1", "an Arrow file; save it as Parquet"),
    (b"\x89HDF", "an HDF5 file; save it as Parquet"),
    (b"\x80\x02", "a Python pickle, which is never loaded; save it as JSON lines"),
    (b"\x80\x03", "a Python pickle, which is never loaded; save it as JSON lines"),
    (b"\x80\x04", "a Python pickle, which is never loaded; save it as JSON lines"),
    (b"\x80\x05", "a Python pickle, which is never loaded; save it as JSON lines"),
    (b"\xff\xfe", "UTF-16 text; save it as UTF-8"),
    (b"\xfe\xff", "UTF-16 text; save it as UTF-8"),
)

_MAX_CONTROL_SHARE = 0.1
"""Text has hardly any control characters; of random bytes an eighth are."""

_CONTROL = bytes(set(range(32)) - set(b"\t\n\r\f\x1b"))


def open_file(path: Path) -> tuple[ByteFile, str] | None:
    """Return a file and the name of its container, or None for a file that has no content.

    Raises:
        FileProblemError: Nothing of it can be read.
        OSError: It cannot be opened.
    """
    if path.is_symlink() and not path.exists():
        raise FileProblemError("is a link to nothing")
    if not path.is_file():
        raise FileProblemError("is no regular file")
    with path.open("rb") as opened:
        magic = opened.read(2)
    if not magic:
        return None
    name = path.name.lower()
    gzipped = magic == GZIP_MAGIC
    if name.endswith(".gz") and not gzipped:
        raise FileProblemError("is named .gz but is not gzip; if it is plain text, rename it")
    extension = Path(name.removesuffix(".gz")).suffix.removeprefix(".")
    file = ByteFile(path, gzipped, extension)
    head = file.head()
    if gzipped and not head:
        _refuse_broken(file)
    if len(head) < HEAD_BYTES and not head.removeprefix(BOM).strip():
        return None
    _refuse_binary(head)
    return file, detect(file, head)


def _refuse_broken(file: ByteFile) -> None:
    try:
        for chunk in file.chunks():
            if chunk:
                return
    except BrokenStreamError as error:
        raise FileProblemError(f"nothing of it can be read: {error}") from None


def _refuse_binary(head: bytes) -> None:
    for magic, what in _KNOWN_BINARY:
        if head.startswith(magic):
            raise FileProblemError(f"is {what}")
    if head.startswith(b"PAR1") or head.removeprefix(BOM).lstrip()[:1] in (b"{", b"["):
        return
    n_control = len(head) - len(head.translate(None, _CONTROL))
    if n_control > _MAX_CONTROL_SHARE * len(head):
        raise FileProblemError(f"is a binary file: {n_control} of its first {len(head)} bytes are no text")


def source_name(path: Path) -> str:
    """Return a file's name without the extensions that say what it is.

    >>> source_name(Path("logs/v1.2.jsonl.gz"))
    'v1.2'
    """
    name = Path(shown(path)).name.removesuffix(".gz")
    return Path(name).stem or name


def shown(path: Path) -> str:
    """Return a path as text that can be stored; bytes of it that are not UTF-8 are replaced."""
    return os.fsencode(path).decode("utf-8", errors="replace")
