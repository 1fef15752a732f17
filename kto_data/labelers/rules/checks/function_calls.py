"""Whether a text is a call of a function or tool that exists, with arguments that fit."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

from pydantic import BeforeValidator, Field, WithJsonSchema

from kto_data.config.validate import Options
from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.checks.json_schemas import Schema, from_file, loads, violation
from kto_data.labelers.rules.checks.tool_calls import ToolCall, arguments_of, calls_of

if TYPE_CHECKING:
    from kto_data.config.yaml_file import KeyPath
    from kto_data.labelers.rules.sources import Sources


class Function(Options):
    """A function that may be called."""

    name: Word
    """Its name."""
    parameters: Schema | None = None
    """The JSON Schema of its arguments."""


def _functions(value: Any) -> Any:
    """Return functions written as OpenAI's tools, or plainly, as names and parameters alone."""
    if not isinstance(value, Sequence) or isinstance(value, str):
        raise ValueError(f"should be a list of functions or {{file: PATH}}, not {value!r}")
    plain = [one.get("function", one) if isinstance(one, Mapping) else one for one in value]
    return [
        {key: one[key] for key in ("name", "parameters") if key in one} if isinstance(one, Mapping) else one
        for one in plain
    ]


Functions = Annotated[
    tuple[Function, ...],
    BeforeValidator(_functions),
    WithJsonSchema({"type": "array", "items": {"type": "object"}}),
]


class _Calls(Check):
    short: ClassVar[str | None] = None

    functions: Functions | None = Field(default=None)
    """The functions that exist, each `{name, parameters}` with a JSON Schema of its arguments, or as OpenAI's
    `tools`; or `{file: PATH}`. Without it, any name and any arguments are right."""

    @classmethod
    def resolve(cls, options: Mapping[str, Any], sources: "Sources", path: "KeyPath") -> Mapping[str, Any]:
        """Return the options with the functions that are in a file; `tools` is another name for `functions`."""
        options = {"functions" if key == "tools" else key: value for key, value in options.items()}
        if "functions" not in options:
            return options
        return {**options, "functions": from_file(options["functions"], sources, (*path, "functions"))}

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text is a call, or calls, and each is of a function that exists and fits it."""
        try:
            calls = self._calls(loads(text.strip()))
            for call in calls:
                self._check(call)
        except ValueError as error:
            return Found(False, str(error))
        return Found(True, ", ".join(call.name for call in calls)[:200])

    def _calls(self, value: Any) -> list[ToolCall]:
        raise NotImplementedError

    def _check(self, call: ToolCall) -> None:
        arguments = arguments_of(call)
        if self.functions is None:
            return
        function = next((one for one in self.functions if one.name == call.name), None)
        if function is None:
            raise ValueError(f"there is no function {call.name!r}")
        problem = function.parameters and violation(
            function.parameters, {} if arguments is None else arguments
        )
        if problem:
            raise ValueError(f"{call.name}: {problem}")


@CHECKS.register("is-valid-function-call")
class IsValidFunctionCall(_Calls):
    """The text is a function call, or a list of them, that is right: `is-valid-function-call: {functions: [...]}`.

    A call is JSON as OpenAI, Anthropic or Google log it: `{name, arguments}`, `{function_call: {...}}`,
    `{tool_calls: [...]}`, `{type: tool_use, name, input}`, `{functionCall: {name, args}}`.
    """

    def _calls(self, value: Any) -> list[ToolCall]:
        calls = list(calls_of(value))
        if not calls:
            raise ValueError("no function call")
        return calls


@CHECKS.register("is-valid-openai-function-call")
class IsValidOpenaiFunctionCall(_Calls):
    """The text is one function call in OpenAI's older form, and is right.

    That is `{name: ..., arguments: "JSON text"}`, or that under `function_call`.
    """

    def _calls(self, value: Any) -> list[ToolCall]:
        inner = value.get("function_call", value) if isinstance(value, Mapping) else None
        return [_openai_call(inner)]


@CHECKS.register("is-valid-openai-tools-call")
class IsValidOpenaiToolsCall(_Calls):
    """The text is a list of tool calls in OpenAI's form, and each is right.

    That is `[{type: function, function: {name: ..., arguments: "JSON text"}}]`, or that under `tool_calls`.
    Use it with `scope: tool_calls` on logged calls.
    """

    def _calls(self, value: Any) -> list[ToolCall]:
        calls = value.get("tool_calls") if isinstance(value, Mapping) else value
        if not isinstance(calls, list) or not calls:
            raise ValueError("no list of tool calls")
        return [_openai_call(one.get("function") if isinstance(one, Mapping) else None) for one in calls]


def _openai_call(value: Any) -> ToolCall:
    if not isinstance(value, Mapping) or not isinstance(value.get("name"), str):
        raise ValueError("no call with a name")
    if not isinstance(value.get("arguments"), str):
        raise ValueError(f"the arguments of {value['name']} are not JSON text")
    return ToolCall(value["name"], value["arguments"])
