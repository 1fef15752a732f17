"""What the page shows, and the page: one file without scripts or anything from elsewhere; every text is escaped."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kto_data.config.yaml_file import YamlFile
from kto_data.labelers.rules.conditions import AtLeast, Condition, Leaf, Not
from kto_data.labelers.rules.file_model import JudgeVote, LoggedVote
from kto_data.labelers.rules.inline_tests import Case, InlineResult, cases_of
from kto_data.labelers.rules.rule import Rule, RuleSet
from kto_data.labelers.rules.trace import options_of

_MOST_VALUES = 40


@dataclass(frozen=True, slots=True)
class Part:
    """A line of a condition.

    Attributes:
        depth: How far in it stands.
        name: `all of`, `none of`, a check's name.
        options: The check's options, as name and value.
        scope: The text that it looks at; empty where that goes without saying.
    """

    depth: int
    name: str
    options: tuple[tuple[str, str], ...] = ()
    scope: str = ""


def rules_page(rules: RuleSet, files: Mapping[str, YamlFile], results: Sequence[InlineResult]) -> str:
    """Return the page.

    Args:
        rules: The rules.
        files: Their files by the name that messages use, for names and descriptions.
        results: What came of their tests, in their order.
    """
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("kto_data.labelers.rules.page", "."),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = list(_rules(rules, results))
    groups = [
        {
            "file": name,
            "title": str(_of(files, name).get("ruleset") or name),
            "description": str(_of(files, name).get("description") or ""),
            "rules": [rule for rule in shown if rule["file"] == name],
        }
        for name in dict.fromkeys(str(rule["file"]) for rule in shown)
    ]
    n_bad = sum(result.is_finding for result in results)
    title = ", ".join(str(group["title"]) for group in groups) or "Rules"
    return environment.get_template("page.html.j2").render(
        title=title, groups=groups, n_rules=len(shown), n_tests=len(results), n_bad=n_bad
    )


def _of(files: Mapping[str, YamlFile], name: str) -> Mapping[str, Any]:
    data = files[name].data if name in files else {}
    return data if isinstance(data, Mapping) else {}


def _rules(rules: RuleSet, results: Sequence[InlineResult]) -> Iterator[dict[str, Any]]:
    tests: dict[str, list[tuple[Case, InlineResult]]] = {}
    for case, result in zip(cases_of(rules), results, strict=True):
        tests.setdefault(case.rule.id, []).append((case, result))
    for rule in (*rules.rules, *rules.for_judges):
        yield {
            "id": rule.id,
            "file": rule.file,
            "line": rule.line,
            "message": rule.options.message,
            "vote": _vote(rule),
            "facts": list(_facts(rule)),
            "when": list(_parts(rule.when, rule.options.scope)) if rule.when else [],
            "match": list(_parts(rule.match, rule.options.scope)) if rule.match else [],
            "tests": [_test(case, result) for case, result in tests.get(rule.id, [])],
        }


def _vote(rule: Rule) -> str:
    if isinstance(rule.vote, LoggedVote):
        return "logged"
    if isinstance(rule.vote, JudgeVote):
        return "judge"
    return "desirable" if rule.vote > 0 else "undesirable"


def _facts(rule: Rule) -> Iterator[tuple[str, str]]:
    """Yield what else there is to say of a rule, by name."""
    options = rule.options
    if isinstance(rule.vote, LoggedVote):
        mapped = ", ".join(f"{value} is {vote}" for value, vote in rule.vote.map.items())
        yield "votes", f"what was logged in {rule.vote.column}: {mapped}"
    elif isinstance(rule.vote, JudgeVote):
        yield "votes", f"what the judge {rule.vote.judge} says"
    if options.otherwise != "abstain":
        yield "otherwise", options.otherwise
    if options.mode != "vote":
        yield (
            "mode",
            {"veto": "veto: fixes the label", "shadow": "shadow: counted, never votes"}[options.mode],
        )
    for name in ("weight", "group"):
        if getattr(options, name) is not None:
            yield name, str(getattr(options, name))
    if options.priority:
        yield "priority", str(options.priority)
    if options.precision:
        yield "assumed precision", f"{options.precision.mean:g}, worth {options.precision.strength:g} labels"
    if options.cap:
        yield "cap", f"{options.cap.max} votes for each {options.cap.per}"
    for key, value in options.metadata.items():
        yield key, ", ".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def _parts(condition: Condition, usual: str, depth: int = 0) -> Iterator[Part]:
    if isinstance(condition, AtLeast) and condition.n == len(condition.parts) == 1:
        yield from _parts(condition.parts[0], usual, depth)
    elif isinstance(condition, AtLeast):
        n, of = condition.n, len(condition.parts)
        yield Part(depth, "all of" if n == of else "any of" if n == 1 else f"at least {n} of {of}")
        for part in condition.parts:
            yield from _parts(part, usual, depth + 1)
    elif isinstance(condition, Not):
        yield Part(depth, "not")
        yield from _parts(condition.part, usual, depth + 1)
    elif isinstance(condition, Leaf):
        options = tuple((name, _shown(value)) for name, value in options_of(condition).items())
        scope = condition.scope if condition.check.reads_text and condition.scope != usual else ""
        yield Part(depth, condition.name, options, scope)
    else:
        yield Part(depth, "left open by the other labelers")


def _shown(value: Any) -> str:
    if isinstance(value, list):
        more = f", and {len(value) - _MOST_VALUES} more" if len(value) > _MOST_VALUES else ""
        return ", ".join(map(_shown, value[:_MOST_VALUES])) + more
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(one)}" for key, one in value.items())
    return (
        {True: "yes", False: "no", None: "nothing"}[value]
        if value is None or isinstance(value, bool)
        else str(value)
    )


def _test(case: Case, result: InlineResult) -> dict[str, Any]:
    test = case.test
    asked = test.prompt or " / ".join(str(message["content"]) for message in test.messages or ())
    return {
        "name": result.name,
        "prompt": asked,
        "completion": test.completion,
        "next_user": test.next_user or "",
        "meta": ", ".join(f"{key}: {value}" for key, value in test.meta.items()),
        "expected": {"fire": "fires", "ok": "holds back", "skip": "not applicable"}[test.expect],
        "status": result.status,
    }
