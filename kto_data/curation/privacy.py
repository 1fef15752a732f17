"""Personal data and secrets: masked before anybody sees them, or the rows left out."""

import json
from collections import Counter
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import pyarrow as pa
import pyarrow.compute as pc
from pydantic import Field

from kto_data.curation.rewrite import CONVERSATIONS
from kto_data.curation.step import DROPS, STEPS, Step, StepInput
from kto_data.schema import MESSAGES
from kto_data.tables import read_query
from kto_data.texts import personal, secrets

Type = Literal[personal.Kind, "secret"]
_ROWS_PER_BATCH = 1024
_TEXTS = ("content", "reasoning", "tool_calls", "name")


@STEPS.register("privacy")
class Privacy(Step):
    """Masks personal data and secrets in the texts (`[email]`), or drops the rows that have any.

    What is found, and how surely, is as in the checks `pii` and `secrets`: by form and checksum, without names and
    postal addresses. Masked is every message of prompt, completion and next turn: content, reasoning, names, and the
    texts inside tool calls. It comes before labelling, so that no judge, annotator or dataset gets the original: ids
    are those of the masked texts, and rows that differed in a number alone are then equal (list `exact_dedup`
    after it). Metadata columns stay as they are: labelers read them. The originals are left in the input and in
    the run's `read` step alone. Memory: one batch of rows.

        prepare: [{privacy: mask}, exact_dedup]
        prepare: [{privacy: {action: drop, types: [credit-card, secret]}}]
    """

    shorthand: ClassVar[str] = "action"

    action: Literal["mask", "drop"] = "mask"
    """`mask` writes the kind in place of what was found, `[phone]`; `drop` leaves the row out."""
    types: tuple[Type, ...] = Field(
        default=("email", "phone", "credit-card", "iban", "us-ssn", "secret"), min_length=1
    )
    """What to look for: email, phone, credit-card, iban, ip, us-ssn, mac-address, coordinates, secret."""

    @property
    def rewrites(self) -> bool:
        """Masking changes texts."""
        return self.action == "mask"

    def rewrite(self, rows: pa.RecordBatch) -> pa.RecordBatch:
        """Return the rows with what was found replaced by its kind."""
        for name in CONVERSATIONS:
            column = rows[name]
            suspected = self._suspected(column)
            if not suspected:
                continue
            conversations = column.to_pylist()
            for place in suspected:
                for message in conversations[place]:
                    self._each_text(message, self._masked)
            field = rows.schema.field(name)
            rows = rows.set_column(
                rows.schema.get_field_index(name), field, pa.array(conversations, MESSAGES)
            )
        return rows

    def drop(self, given: StepInput) -> pa.Table:
        """Drop the rows with personal data in prompt or completion; the detail names the kinds, never the data."""
        if self.action == "mask":
            return DROPS.empty_table()
        found: list[dict[str, str]] = []
        query = "SELECT row_id, prompt, completion FROM rows"
        for batch in read_query(given.connection, query, batch_rows=_ROWS_PER_BATCH):
            kinds: dict[int, Counter[str]] = {}
            for name in ("prompt", "completion"):
                for place in self._suspected(batch[name]):
                    for message in batch[name][place].as_py():
                        self._each_text(message, self._counting(kinds.setdefault(place, Counter())))
            found += (
                {
                    "row_id": batch["row_id"][place].as_py(),
                    "reason": "personal_data",
                    "detail": ", ".join(f"{count} {kind}" for kind, count in sorted(counts.items())),
                }
                for place, counts in kinds.items()
                if counts
            )
        return pa.Table.from_pylist(found, schema=DROPS)

    def find(self, text: str) -> list[tuple[str, int, int]]:
        """Return what a text has, in order: its kind, start and end; where two overlap, the one that starts first."""
        kinds = [kind for kind in self.types if kind != "secret"]
        found: list[tuple[str, int, int]] = list(personal.find(kinds, text))
        if "secret" in self.types:
            found += (("secret", start, end) for _, start, end in secrets.find(text))
        apart: list[tuple[str, int, int]] = []
        for one in sorted(found, key=lambda one: (one[1], -one[2], one[0])):
            if not apart or one[1] >= apart[-1][2]:
                apart.append(one)
        return apart

    def _suspected(self, column: pa.Array) -> list[int]:
        """Return the rows of a column of messages in which a pattern matches, before anything is checked."""
        messages = column.flatten()
        # the escapes of JSON can hide what a pattern would match, so calls are all looked into
        matched = pc.is_valid(pc.struct_field(messages, "tool_calls"))
        for name in ("content", "reasoning", "name"):
            for pattern in self._patterns():
                hit = pc.match_substring_regex(pc.struct_field(messages, name), pattern)
                matched = pc.or_(matched, pc.fill_null(hit, False))
        rows = pc.filter(pc.list_parent_indices(column), matched)
        return sorted(set(rows.to_pylist()))

    def _patterns(self) -> list[str]:
        patterns = [personal.PATTERNS[kind].pattern for kind in self.types if kind != "secret"]
        return [*patterns, *(secrets.PATTERNS if "secret" in self.types else ())]

    def _masked(self, text: str) -> str:
        for kind, start, end in reversed(self.find(text)):
            text = f"{text[:start]}[{kind}]{text[end:]}"
        return text

    def _counting(self, counts: Counter[str]) -> Callable[[str], str]:
        def count(text: str) -> str:
            counts.update(kind for kind, _, _ in self.find(text))
            return text

        return count

    def _each_text(self, message: dict[str, Any], change: Callable[[str], str]) -> None:
        for name in _TEXTS:
            if message[name]:
                message[name] = (_inside_json if name == "tool_calls" else _plain)(message[name], change)


def _plain(text: str, change: Callable[[str], str]) -> str:
    return change(text)


def _inside_json(text: str, change: Callable[[str], str]) -> str:
    """Change the texts and numbers inside JSON one by one, so that it stays JSON."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return change(text)
    changed = _each_value(value, change)
    return text if changed == value else json.dumps(changed, ensure_ascii=False)


def _each_value(value: Any, change: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        return {change(key): _each_value(item, change) for key, item in value.items()}
    if isinstance(value, list):
        return [_each_value(item, change) for item in value]
    if isinstance(value, str):
        # arguments of a call are JSON in a text
        return _inside_json(value, change) if value[:1] in ("{", "[") else change(value)
    if isinstance(value, int | float) and not isinstance(value, bool):
        changed = change(str(value))
        return value if changed == str(value) else changed
    return value
