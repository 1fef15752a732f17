"""Whether the code in a text passes tests."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fences import code_blocks
from kto_data.labelers.rules.sandbox.run import run_tests

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources

_LANGS = ("python", "py", "python3", "py3", "")


def _joined(value: Any) -> Any:
    """Return tests given as a list, such as MBPP's `test_list`, as one text."""
    is_list = isinstance(value, list | tuple) and all(isinstance(test, str) for test in value)
    return "\n".join(value) if is_list else value


@CHECKS.register("unit-tests")
class UnitTests(Check):
    """The Python code in the text passes tests: `unit-tests: {tests: "{{meta.tests}}", timeout_s: 5}`.

    This RUNS the model's code, in a process of its own: isolated Python, an empty environment, a folder of its
    own, limits on time, memory, file size, open files and processes, and, where the system lets users make namespaces
    (`unshare`), no network. It can still read and change what you can, so label in a container. Code that
    attacks the tests rather than solving the task can pass them.

    The code is that of all blocks fenced as Python or as no language, or the whole text with `whole: true`. Code that
    raises, stops, crashes, or takes too long does not pass; neither does a text without code. A process that
    fails before the code begins is a fault.
    """

    short: ClassVar[str | None] = "tests"

    tests: Annotated[
        str,
        BeforeValidator(_joined),
        Field(min_length=1),
        WithJsonSchema(
            {
                "anyOf": [
                    {"type": "string"},
                    {"type": "array", "items": {"type": "string"}},
                    {"type": "object"},
                ]
            }
        ),
    ]
    """Python statements that run after the code and raise if it is wrong, such as asserts; a list of them, or
    `{file: PATH}`."""
    entry_point: str | None = Field(default=None, pattern=r"^[A-Za-z_]\w*$")
    """The function to test, where the tests define `check(candidate)`, as HumanEval's do."""
    timeout_s: float = Field(default=5.0, gt=0, le=600)
    """Seconds that code and tests may take together."""
    memory_mb: int = Field(default=1024, ge=64)
    """Megabytes of memory that they may take."""
    whole: bool = False
    """Whether the whole text is the code."""

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with the tests that are in a file."""
        tests = options.get("tests")
        if not isinstance(tests, Mapping) or set(tests) != {"file"}:
            return options
        return {**options, "tests": sources.read_text(tests["file"], (*path, "tests", "file"))}

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the tests pass."""
        blocks = [] if self.whole else [block for block in code_blocks(text) if block.lang in _LANGS]
        code = text if self.whole else "\n".join(block.code for block in blocks)
        if not code.strip():
            return Found(False, "no code")
        parts = [("code", code), ("tests", self.tests)]
        if self.entry_point is not None:
            parts.append(("check", f"check({self.entry_point})"))
        result = run_tests(parts, timeout_s=self.timeout_s, memory_mb=self.memory_mb)
        return Found(result.passed, "tests pass" if result.passed else result.reason)
