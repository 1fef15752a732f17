"""Options whose values come from the row: `value: "{{meta.reference}}"`, `contains: "{{name}}"`.

`{{meta.x}}` is a metadata column; `{{n}}` is a value that the rule's `when` captured. An option that is
nothing but such a name takes the value with its type (a list stays a list); inside a text, the value stands
as text, and inside a pattern as the literal it is. Where the row has no such metadata, the check is not
applicable. A text that should have been something else (`"12"`, `"five"`, JSON text) is read as that.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import re2
from pydantic import PrivateAttr, ValidationError, field_serializer

from kto_data.config.validate import validate
from kto_data.config.yaml_file import KeyPath, YamlFile, format_key
from kto_data.errors import ConfigError
from kto_data.labelers.rules.checks.check import Check, Context, Found
from kto_data.labelers.rules.limits import RowError, number
from kto_data.labelers.rules.row import column_value, value_text

_NAME = re.compile(r"\{\{\s*(meta\.[^{}]*[^{}\s]|[A-Za-z_]\w*)\s*\}\}")


class Templated(Check):
    """A check of which some options come from the row.

    Attributes:
        options: Its options as the file has them.
        of_revision: The revision of the check type that it becomes.
    """

    options: dict[str, Any]
    of_revision: int
    _kind: type[Check] = PrivateAttr()
    _names: frozenset[str] = PrivateAttr()

    @field_serializer("options")
    def _told(self, options: dict[str, Any]) -> dict[str, Any]:
        """Leave out what the check's own definition does, such as where a file is on this machine."""
        fields = self._kind.model_fields
        return {
            key: option for key, option in options.items() if key not in fields or not fields[key].exclude
        }

    @classmethod
    def of(cls, kind: type[Check], options: Mapping[str, Any], names: frozenset[str]) -> "Templated":
        """Return the check of that type in whose options `names` stand for values of the row."""
        check = cls(options=dict(options), of_revision=kind.revision)
        check._kind = kind
        check._names = names
        return check

    def decide(self, text: str, context: Context) -> Found:
        """Return what the check comes to with the row's own values; not applicable where one of them is null."""
        check = self.filled(context)
        return check.decide(text, context) if check else Found(None)

    def filled(self, context: Context) -> Check | None:
        """Return the check with the row's values, None where the row lacks one of them."""
        values = {name: _value(name, context) for name in self._names}
        if any(value is None for value in values.values()):
            return None
        try:
            return self._kind.model_validate(self._fill(values))
        except ValidationError as error:
            problem = error
        read = {name: _read(value) for name, value in values.items()}
        try:
            return self._kind.model_validate(self._fill(read))
        except ValidationError:
            first = problem.errors(include_url=False)[0]
        place = f"{first['loc'][0]}: " if first["loc"] else ""
        raise RowError(f"{place}{first['msg']}, not {str(first['input'])[:60]!r}")

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in the options."""
        return frozenset(name for name in self._names if not name.startswith("meta."))

    def group_names(self) -> frozenset[str]:
        """Return the names that the check captures when it holds."""
        return self._outline().group_names()

    def reads(self) -> frozenset[str]:
        """Return the metadata columns in the options, and the columns that the options name."""
        return self._outline().reads() | (self._names - self.capture_names())

    def _outline(self) -> Check:
        """Return the check with nothing where the row's values go, for what does not depend on them."""
        return self._kind.model_construct(**self._fill(dict.fromkeys(self._names, "")))

    def _fill(self, values: Mapping[str, Any]) -> dict[str, Any]:
        return {
            key: _filled(option, values, re2.escape if key in self._kind.patterns else str)
            for key, option in self.options.items()
        }


def read_check(
    kind: type[Check], options: Mapping[str, Any], captured: frozenset[str], file: YamlFile, path: KeyPath
) -> Check:
    """Return a check from its options in a rule file, those with values of the row included.

    Args:
        kind: The check type.
        options: Its options as written.
        captured: The names that the rule's `when` captures.
        file: The rule file.
        path: Where the options stand in it.

    Raises:
        ConfigError: With every mistake; what the row is to give cannot be one.
    """
    open_options = {key: option for key, option in options.items() if key not in kind.fixed}
    places = dict(_places(open_options, captured))
    names = frozenset[str]().union(*places.values())
    try:
        check = validate(kind, options, file, path)
    except ConfigError as error:
        keys = tuple(format_key((*path, *place)) for place in places)
        mistakes = [mistake for mistake in error.mistakes if not mistake.key.startswith(keys)]
        if mistakes or not places:
            raise ConfigError(mistakes or error.mistakes) from None
        return Templated.of(kind, options, names)
    return check if names <= check.capture_names() else Templated.of(kind, options, names)


def is_template(value: object) -> bool:
    """Return whether an option is nothing but a name of the row's.

    >>> is_template("{{meta.words}}"), is_template("a {{n}}")
    (True, False)
    """
    return isinstance(value, str) and _NAME.fullmatch(value) is not None


def _places(
    option: Any, captured: frozenset[str], place: KeyPath = ()
) -> Iterator[tuple[KeyPath, frozenset[str]]]:
    """Yield the place of each text with names of the row's, and the names in it."""
    if isinstance(option, str):
        found = frozenset(_NAME.findall(option))
        names = frozenset(name for name in found if name.startswith("meta.") or name in captured)
        if names:
            yield place, names
    elif isinstance(option, Mapping):
        for key, part in option.items():
            yield from _places(part, captured, (*place, key))
    elif isinstance(option, list | tuple):
        for index, part in enumerate(option):
            yield from _places(part, captured, (*place, index))


def _filled(option: Any, values: Mapping[str, Any], quote: Callable[[str], str]) -> Any:
    if isinstance(option, Mapping):
        return {key: _filled(part, values, quote) for key, part in option.items()}
    if isinstance(option, list | tuple):
        return [_filled(part, values, quote) for part in option]
    if not isinstance(option, str):
        return option
    whole = _NAME.fullmatch(option)
    if whole and whole[1] in values:
        return values[whole[1]]

    def text(match: re.Match[str]) -> str:
        return quote(value_text(values[match[1]]) or "") if match[1] in values else match[0]

    return _NAME.sub(text, option)


def _value(name: str, context: Context) -> Any:
    if name.startswith("meta."):
        return column_value(context.row, name)
    if name not in context.captures:
        raise RowError(f"nothing was captured for {{{{{name}}}}}")
    return context.captures[name]


def _read(value: Any) -> Any:
    """Return a text as the number or the JSON value that it is; anything else as it is."""
    if not isinstance(value, str):
        return value
    try:
        return number("{{n}}", {"n": value})
    except RowError:
        pass
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        return value
