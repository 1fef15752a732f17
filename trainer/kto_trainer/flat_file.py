"""A file of numbers of one type, written at its end and read anywhere: arrays that need not fit into memory."""

import os
import tempfile
import weakref
from pathlib import Path
from typing import Self

import numpy as np


class FlatFile:
    """Numbers on disk; closed when nobody holds it any more. Numbers are read, not mapped: mapped pages count as memory."""

    def __init__(self, descriptor: int, dtype: type[np.generic]) -> None:
        self._descriptor = descriptor
        self._dtype = np.dtype(dtype)
        self._n = os.fstat(descriptor).st_size // self._dtype.itemsize
        weakref.finalize(self, os.close, descriptor)

    @classmethod
    def open(cls, path: Path, dtype: type[np.generic]) -> Self:
        """A file that is there, to be read."""
        return cls(os.open(path, os.O_RDONLY), dtype)

    @classmethod
    def create(cls, path: Path, dtype: type[np.generic]) -> Self:
        """A new, empty file."""
        return cls(os.open(path, os.O_RDWR | os.O_CREAT | os.O_TRUNC, 0o666), dtype)

    @classmethod
    def temporary(cls, dtype: type[np.generic]) -> Self:
        """A new file without a name, gone with the process."""
        with tempfile.TemporaryFile() as file:
            return cls(os.dup(file.fileno()), dtype)

    def __len__(self) -> int:
        return self._n

    def append(self, values: np.ndarray) -> int:
        """Write numbers at the end; returns where they begin."""
        start = self._n
        content = memoryview(np.ascontiguousarray(values, self._dtype).tobytes())
        while content:
            content = content[os.write(self._descriptor, content) :]
        self._n += len(values)
        return start

    def read(self, start: int, n: int) -> np.ndarray:
        """The numbers from one place on.

        Raises:
            OSError: They are not there.
        """
        size = n * self._dtype.itemsize
        content = os.pread(self._descriptor, size, start * self._dtype.itemsize)
        if len(content) != size:
            raise OSError("a file of kept numbers was cut while the run read it; start the run again")
        return np.frombuffer(content, self._dtype)

    def flush(self) -> None:
        """Have everything on the disk."""
        os.fsync(self._descriptor)
