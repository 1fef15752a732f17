"""What the tests of checks share: a rule read from text, and what it says of one completion."""

from dataclasses import dataclass
from pathlib import Path

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.labelers.rules.decide import decide
from kto_data.labelers.rules.parse import parse_rules
from kto_data.labelers.rules.row import Row
from kto_data.labelers.rules.rule import Rule


@dataclass(frozen=True)
class ReadRule:
    rule: Rule
    files: tuple[Path, ...]

    def decide(self, completion="", *, prompt="Hi", **columns):
        row = Row(
            prompt=[{"role": "user", "content": prompt}],
            completion=[{"role": "assistant", "content": completion}],
            **columns,
        )
        return decide(self.rule, row)

    def fires(self, completion="", **columns):
        decision = self.decide(completion, **columns)
        assert decision.error is None, decision.error
        return decision.fired


@pytest.fixture
def read_rule(tmp_path):
    """Return a reader of a rule that has the given `match`, or of a whole file; paths are in tmp_path."""

    def read(match="", text=None):
        text = text or f"version: 1\nrules:\n  - id: a\n    vote: undesirable\n    match: {match}\n"
        parsed = parse_rules(parse_yaml(text, name="r.yaml", folder=tmp_path))
        return ReadRule(parsed.rules[0], parsed.named_files)

    return read
