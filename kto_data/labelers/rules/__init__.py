"""Labelling by rule files: the language, its checks, and the row-by-row engine."""

from kto_data.labelers.rules.decide import Decision
from kto_data.labelers.rules.engine import RuleVotes, explain_row, label_batch, missing_columns
from kto_data.labelers.rules.inline_tests import InlineResult, run_inline_tests
from kto_data.labelers.rules.json_schema import json_schema
from kto_data.labelers.rules.load import builtin_packs, load_rules
from kto_data.labelers.rules.row import Row, rows_of
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.labelers.rules.spans import Span

__all__ = [
    "Decision",
    "InlineResult",
    "Row",
    "Rule",
    "RuleSet",
    "RuleVotes",
    "Span",
    "builtin_packs",
    "explain_row",
    "json_schema",
    "label_batch",
    "load_rules",
    "missing_columns",
    "rows_of",
    "run_inline_tests",
]
