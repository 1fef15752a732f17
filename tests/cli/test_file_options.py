"""`--columns`, which every command takes that reads data files without a pipeline file."""

import json

import pytest

RULE = "version: 1\nrules:\n  - {id: tea, vote: undesirable, match: {contains: tea}}\n"
COMMANDS = {
    "label": ("label", "log.jsonl", "--rules", "r.yaml", "-o", "votes.parquet"),
    "rules report": ("rules", "report", "r.yaml", "--on", "log.jsonl"),
    "rules diff": ("rules", "diff", "r.yaml", "r.yaml", "--on", "log.jsonl"),
    "rules bench": ("rules", "bench", "r.yaml", "--on", "log.jsonl", "--seconds", "0.1"),
    "rules run": ("rules", "run", "r.yaml", "--on", "log.jsonl", "--explain", "1"),
    "rules explain": ("rules", "explain", "r.yaml", "log.jsonl", "1"),
}


@pytest.mark.slow
@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_reads_files_of_other_columns(kto, command):
    kto.write("r.yaml", RULE)
    record = {"question": "q", "answer": "green tea"}
    kto.write("log.jsonl", "".join(json.dumps(record) + "\n" for _ in range(2)))
    assert kto(*COMMANDS[command]).returncode == 2
    done = kto(*COMMANDS[command], "--columns", "prompt=question,completion=answer")
    assert done.returncode == 0, done.stderr
