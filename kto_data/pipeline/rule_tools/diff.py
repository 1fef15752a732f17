"""What a change of rules changes on data: what `kto rules diff` does."""

import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from kto_data.labelers.rules.load import load_rules
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.pipeline.rule_tools.on_data import (
    NOT_APPLICABLE,
    RulesOnData,
    fetch_rows,
    ids_at,
    read_rows,
    vote_on,
)
from kto_data.pipeline.rule_tools.report import example
from kto_data.readers import ReadEntry
from kto_data.schema import SCHEMA_VERSION

_NAMES = {1: "desirable", -1: "undesirable", 0: "abstain", NOT_APPLICABLE: "none"}
_EXAMPLES = 3


def diff(
    before: Sequence[str], after: Sequence[str], files: ReadEntry, *, workers: int = 1
) -> dict[str, Any]:
    """Return what votes of data flip from one set of rules to another, rule by rule, as JSON values.

    Args:
        before: The rule files or packs that are compared with.
        after: Those that are asked about; a rule of the same id is the same rule.
        files: The data, and how to read it.
        workers: The most processes that may work.

    Raises:
        InputError: A file cannot be read, or has mistakes.
    """
    old, new = (load_rules(refs, base=Path()) for refs in (before, after))
    with tempfile.TemporaryDirectory(prefix="kto-rules-") as name:
        scratch = Path(name)
        rows = read_rows(files, scratch)
        sides = []
        for side, rules in (("before", old), ("after", new)):
            (scratch / side).mkdir()
            sides.append(vote_on(rules, rows.path, scratch / side, workers=workers))
        flips = _Flips(*sides)
        told = flips.rules()
    return {
        "schema_version": SCHEMA_VERSION,
        "n_rows": rows.n_rows,
        "n_quarantined": rows.n_quarantined,
        "n_rows_changed": flips.n_rows_changed,
        "added": [_place(rule) for rule in new.rules if rule.id not in old.ids],
        "removed": [_place(rule) for rule in old.rules if rule.id not in new.ids],
        "changed": [
            _place(rule) for rule in new.rules if _other(old, rule) and _other(old, rule) != rule.version
        ],
        "rules": told,
        "notes": list(dict.fromkeys(note for side in sides for note in side.notes)),
    }


def _place(rule: Rule) -> dict[str, Any]:
    return {"rule": rule.id, "file": rule.file, "line": rule.line}


def _other(rules: RuleSet, rule: Rule) -> str | None:
    """Return the version of the rule of the same id, None if there is none."""
    return next((other.version for other in rules.rules if other.id == rule.id), None)


class _Flips:
    """The votes of two sets of rules on the same rows, compared."""

    def __init__(self, before: RulesOnData, after: RulesOnData) -> None:
        self._sides = before, after
        self._ids = tuple(dict.fromkeys((*after.rules.ids, *before.rules.ids)))
        self._flips: dict[str, Counter[tuple[int, int]]] = {rule: Counter() for rule in self._ids}
        self._places: dict[str, list[int]] = {rule: [] for rule in self._ids}
        self.n_rows_changed = 0
        for (first, old_MN), (_, new_MN) in zip(before.batches(), after.batches(), strict=True):
            self._compare(first, old_MN, new_MN)

    def _compare(self, first: int, old_MN: Any, new_MN: Any) -> None:
        old, new = (
            dict(zip(side.rules.ids, votes, strict=True))
            for side, votes in zip(self._sides, (old_MN, new_MN), strict=True)
        )
        silent = np.full(old_MN.shape[1] if len(old_MN) else new_MN.shape[1], NOT_APPLICABLE, dtype=np.int8)
        changed = np.zeros(len(silent), dtype=bool)
        for rule in self._ids:
            was, now = old.get(rule, silent), new.get(rule, silent)
            differ = was != now
            # an abstention is no vote: a rule that comes or goes changes a row where it says something
            changed |= differ & ~np.isin(was, (0, NOT_APPLICABLE)) | differ & ~np.isin(
                now, (0, NOT_APPLICABLE)
            )
            places = np.flatnonzero(differ)
            self._flips[rule].update(zip(was[places].tolist(), now[places].tolist(), strict=True))
            room = _EXAMPLES - len(self._places[rule])
            speaking = places[
                ~np.isin(was[places], (0, NOT_APPLICABLE)) | ~np.isin(now[places], (0, NOT_APPLICABLE))
            ]
            self._places[rule] += (first + speaking[:room]).tolist()
        self.n_rows_changed += int(changed.sum())

    def rules(self) -> list[dict[str, Any]]:
        """Return what flips of each rule that votes otherwise somewhere."""
        before, after = ({rule.id: rule for rule in side.rules.rules} for side in self._sides)
        ids = ids_at(self._sides[1].rows, [place for some in self._places.values() for place in some])
        rows = fetch_rows(self._sides[1].rows, list(ids.values()), self._sides[1].votes.parent)
        told = []
        for rule in self._ids:
            if not self._flips[rule]:
                continue
            state = "added" if rule not in before else "removed" if rule not in after else "in both"
            known = after.get(rule) or before[rule]
            told.append(
                {
                    **_place(known),
                    "state": state,
                    "n_flips": sum(self._flips[rule].values()),
                    "flips": [
                        {"before": _NAMES[was], "after": _NAMES[now], "n": n}
                        for (was, now), n in self._flips[rule].most_common()
                    ],
                    "examples": [
                        _example(before.get(rule), after.get(rule), rows[ids[place]])
                        for place in self._places[rule]
                    ],
                }
            )
        return sorted(told, key=lambda one: -one["n_flips"])


def _example(before: Rule | None, after: Rule | None, row: Any) -> dict[str, Any]:
    was = example(before, row) if before else None
    now = example(after, row) if after else None
    shown = now or was
    assert shown is not None, "a flip has a rule on one side"
    return {
        "row_id": row.row_id,
        "sample_id": row.sample_id,
        "found_before": was and was["found"],
        "found_after": now and now["found"],
        "text": shown["text"],
    }
