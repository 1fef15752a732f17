"""The README's shell blocks run, and say what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

README = Path(__file__).parent.parent / "README.md"
SET_UP = "make quickstart"  # what CI runs anyway


def shell_blocks():
    return re.findall(r"^```sh\n(.*?)^```$", README.read_text(encoding="utf-8"), re.MULTILINE | re.DOTALL)


def test_the_first_block_is_the_two_set_up_commands():
    assert re.findall(r"^make \w+", shell_blocks()[0], re.MULTILINE) == ["make quickstart", "make test"]


@pytest.mark.slow
def test_every_other_block_runs_in_order_in_an_empty_folder(tmp_path):
    environment = {**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"}
    blocks = [block for block in shell_blocks() if SET_UP not in block]
    assert len(blocks) == 6
    outputs = []
    for block in blocks:
        done = subprocess.run(
            ["bash", "-euc", block],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{block}\n{done.stdout}\n{done.stderr}"
        outputs.append(done.stdout)
    assert "6 of 6 tests as expected" in outputs[0]
    assert re.search(r"over-refusal +0 +1 ", outputs[1])
    assert "4 = 4 used + 0 quarantined" in outputs[2]
    assert (tmp_path / "for-trl" / "kto.yaml").is_file()
    assert (tmp_path / "trained" / "checkpoint" / "model.safetensors").is_file()


def test_every_path_that_the_readme_names_exists():
    named = re.findall(
        r"`((?:kto_data|rules|pipelines|trainer|tests|notebooks|benchmarks|docs)/[\w./-]*)`",
        README.read_text(encoding="utf-8"),
    )
    assert named
    assert [path for path in named if not (README.parent / path).exists()] == []
