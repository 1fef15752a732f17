import numpy as np
import pytest
from kto_trainer.flat_file import FlatFile


def test_numbers_come_back_from_where_they_were_written(tmp_path):
    for file in (FlatFile.temporary(np.int32), FlatFile.create(tmp_path / "numbers", np.int32)):
        assert [file.append(np.array(values)) for values in ([1, 2, 3], [], [-4])] == [0, 3, 3]
        assert len(file) == 4
        assert file.read(2, 2).tolist() == [3, -4]
    assert FlatFile.open(tmp_path / "numbers", np.int32).read(0, 4).tolist() == [1, 2, 3, -4]


def test_numbers_that_are_gone_are_an_error(tmp_path):
    file = FlatFile.create(tmp_path / "numbers", np.float64)
    file.append(np.ones(4))
    (tmp_path / "numbers").write_bytes(b"12345678")
    with pytest.raises(OSError, match="cut while the run read it"):
        file.read(2, 1)
