"""What a Python function says of a text."""

import ast
import importlib.util
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import pyarrow as pa
import xxhash
from pydantic import AfterValidator, Field
from pydantic.json_schema import SkipJsonSchema

from kto_data.errors import did_you_mean
from kto_data.labelers.rules.arrow_rows import batches, column_array
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.limits import RowError
from kto_data.labelers.rules.python_process import call
from kto_data.labelers.rules.row import COLUMNS, SCOPES, Row, column_value, scope_text

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources


def _readable(name: str) -> str:
    if name in SCOPES or name in COLUMNS or (name.startswith("meta.") and all(name.split("."))):
        return name
    raise ValueError(f"unknown column {name!r}{did_you_mean(name, [*SCOPES, *COLUMNS, 'meta.<column>'])}")


Readable = Annotated[str, AfterValidator(_readable)]


@CHECKS.register("python")
class Python(Check):
    """A Python function says so: `python: {ref: checks.py:is_polite, args: {strict: true}}`.

    `ref` is `FILE.py:FUNCTION` (the file relative to the rule file), `MODULE:FUNCTION`, or the name of an entry
    point in a group that the file names under `plugins`. Only what a rule file names is ever run, and nothing
    while the file is read; a rule file with `python` in it is as trusted as code.

    The function is called as `function(text, row, **args)` with the text of the rule's scope and a mapping of
    the columns and scopes named in `columns`, and returns True, False, or None for "not applicable"; or one of
    them with what was found, `(False, "test 3 failed")`, or `{"pass": ..., "reason": ...}`.
    With `form: batch` it is called as `function(table, **args)` with an Arrow table of up to some thousand rows,
    the column `text` and those of `columns`, and returns a value for each row. What it says of a row must not
    depend on the rows beside it.

    It runs in a process of its own, which is ended when a call takes longer than `timeout_s`, whatever the
    function is doing; what it was doing elsewhere (files, servers) stays as it is, and this is no sandbox. A
    function that raises, ends its process or takes too long is a fault of its row; a batch that fails is
    tried again in halves, so a slow row costs several time limits.
    """

    fixed: ClassVar[frozenset[str]] = frozenset({"ref", "form", "columns", "timeout_s", "located", "source"})
    batched: ClassVar[bool] = True

    ref: Word
    """The function."""
    args: dict[str, Any] = {}
    """Arguments by name; with values of the row, too: `args: {answer: "{{meta.answer}}"}`."""
    form: Literal["row", "batch"] = "row"
    """Whether it is called for each row, or for many at once."""
    columns: tuple[Readable, ...] = ()
    """What it looks at besides the text: `[meta.tests, prompt, finish_reason]`."""
    timeout_s: float = Field(default=10.0, gt=0, le=3600)
    """Seconds that a call may take. The first one does not count what importing takes."""
    located: SkipJsonSchema[str] = Field(default="", exclude=True)
    """Set when the file is read: where the function is."""
    source: SkipJsonSchema[str] = ""
    """Set when the file is read: a hash of the code, so that another function's votes are told apart."""

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with where the function is; it is looked for, and not run."""
        ref = options.get("ref")
        if not isinstance(ref, str):
            return {key: value for key, value in options.items() if key not in ("located", "source")}
        at = (*path, "ref")
        located, text = _locate(ref, sources, at)
        function = located.rpartition(":")[2]
        if text is not None:
            _check_defined(function, text, ref, sources, at)
        source = xxhash.xxh3_64_hexdigest(text.encode()) if text is not None else ""
        return {**options, "located": located, "source": source}

    def decide(self, text: str, context: Context) -> Found:
        """Return what the function says of the text."""
        (found,) = self.decide_batch([text], [context])
        if isinstance(found, Exception):
            raise found
        return found

    def decide_batch(self, texts: Sequence[str], contexts: Sequence[Context]) -> list[Found | Exception]:
        """Return what the function says of each text."""
        if self.form == "row":
            return [self._of_row(text, context.row) for text, context in zip(texts, contexts, strict=True)]
        rows = [context.row for context in contexts]
        return [found for part in batches(rows) for found in self._of_rows(texts[part], rows[part])]

    def _of_row(self, text: str, row: Row) -> Found | Exception:
        values = {
            name: scope_text(row, name) if name in SCOPES else column_value(row, name)
            for name in self.columns
        }
        try:
            return _found(self._call("row", (text, values)))
        except RowError as error:
            return error

    def _of_rows(self, texts: Sequence[str], rows: Sequence[Row]) -> list[Found | Exception]:
        columns = {name: column_array(name, rows) for name in self.columns}
        table = pa.table({"text": pa.array(texts, pa.string()), **columns})
        sink = pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, table.schema) as stream:
            stream.write_table(table)
        try:
            values = self._call("batch", sink.getvalue().to_pybytes())
            if len(values) != len(rows):
                raise RowError(f"{self.ref} returned {len(values)} values for {len(rows)} rows")
            return [_found(value) for value in values]
        except RowError as error:
            if len(rows) == 1:
                return [error]
        half = len(rows) // 2
        return self._of_rows(texts[:half], rows[:half]) + self._of_rows(texts[half:], rows[half:])

    def _call(self, form: str, given: Any) -> Any:
        return call(self.located or self.ref, form, given, self.args, timeout_s=self.timeout_s)

    def reads(self) -> frozenset[str]:
        """Return what the function reads besides its text."""
        return frozenset(self.columns)


def _found(value: Any) -> Found:
    """Return what a function returned as what a check found.

    Raises:
        RowError: It is none of the things that it may return.
    """
    evidence = ""
    if isinstance(value, Mapping) and "pass" in value:
        value, evidence = value["pass"], str(value.get("reason") or "")
    elif isinstance(value, list) and len(value) == 2:
        value, evidence = value[0], str(value[1])
    if value is not None and not isinstance(value, bool):
        raise RowError(f"the function returned {value!r}"[:100] + ", not True, False or None")
    return Found(value, evidence[:200])


def _locate(ref: str, sources: "Sources", at: "KeyPath") -> tuple[str, str | None]:
    """Return where a function is, as `PATH.py:NAME` or `MODULE:NAME`, and the text of its file, if there is one."""
    ref = sources.functions.get(ref, ref)
    place, _, function = ref.rpartition(":")
    if not place or not function.isidentifier():
        known = did_you_mean(ref, sources.functions) if sources.functions else ""
        raise sources.mistake(
            at, f"{ref!r} is neither FILE.py:FUNCTION, MODULE:FUNCTION nor an entry point{known}"
        )
    if place.endswith(".py"):
        text = sources.read_text(place, at)
        return f"{(sources.folder / place).resolve()}:{function}", text
    try:
        spec = importlib.util.find_spec(place)
    except (ImportError, ValueError, AttributeError) as error:
        raise sources.mistake(at, f"cannot find the module {place}: {error}") from None
    if spec is None:
        raise sources.mistake(at, f"there is no module {place}; a file is named FILE.py:{function}")
    code = Path(spec.origin) if spec.origin and spec.origin.endswith(".py") else None
    return ref, code.read_text(encoding="utf-8") if code and code.is_file() else None


def _check_defined(function: str, text: str, ref: str, sources: "Sources", at: "KeyPath") -> None:
    try:
        tree = ast.parse(text)
    except (SyntaxError, ValueError, RecursionError) as error:
        raise sources.mistake(at, f"{ref} is not Python: {error}") from None
    names = [
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef)
    ]
    others = {
        node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)
    }
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom | ast.Import)
        for alias in node.names
    }
    if function not in {*names, *others, *imported} and "*" not in imported:
        raise sources.mistake(at, f"{ref} has no function {function}{did_you_mean(function, names)}")
