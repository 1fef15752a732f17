"""Questions asked again about the same output in another form: a verdict should not depend on it."""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace

import xxhash

from kto_data.labelers.judges.cache import AnswerCache
from kto_data.labelers.judges.judge import Judge
from kto_data.labelers.judges.outcome import RowOutcome
from kto_data.labelers.judges.run import JudgeRun
from kto_data.labelers.rules.row import Row
from kto_data.statistics.intervals import Interval, wilson

_PADDING = (
    "To summarise, the points above cover what was asked. As mentioned, each of them has its own place in the answer, "
    "and together they give the whole picture. I hope that this is clear; the answer above stands as it is."
)
"""Words that add nothing: a judge that likes the result better likes length."""

_MARKDOWN = (
    (re.compile(r"^\s{0,3}#{1,6}\s+", re.MULTILINE), ""),
    (re.compile(r"^(\s*)(?:[-*+]|\d+[.)])\s+", re.MULTILINE), r"\1"),
    (re.compile(r"^\s{0,3}>\s?", re.MULTILINE), ""),
    (re.compile(r"^\s*```[^\n]*$\n?", re.MULTILINE), ""),
    (re.compile(r"(\*\*|__)(?=\S)(.+?)(?<=\S)\1", re.DOTALL), r"\2"),
    (re.compile(r"`([^`\n]+)`"), r"\1"),
    (re.compile(r"\[([^\]\n]+)\]\([^)\n]+\)"), r"\1"),
)
_SENTENCE_END = re.compile(r"(?<=[.!?])\s+(?=\S)")


def padded(text: str) -> str | None:
    """Return a text with sentences at its end that add nothing."""
    return f"{text.rstrip()}\n\n{_PADDING}" if text.strip() else None


def without_markdown(text: str) -> str | None:
    r"""Return a text without its markdown, None if it has none.

    >>> without_markdown("# Title\n- **one**"), without_markdown("plain")
    ('Title\none', None)
    """
    plain = text
    for pattern, instead in _MARKDOWN:
        plain = pattern.sub(instead, plain)
    return plain if plain != text else None


def reflowed(text: str) -> str | None:
    r"""Return a text with the same sentences in the same order, its line breaks moved; None with fewer than three.

    >>> reflowed("One. Two. Three.")
    'One.\n\nTwo. Three.'
    """
    sentences = _SENTENCE_END.split(" ".join(text.split()))
    if len(sentences) < 3 or "```" in text:
        return None
    moved = "\n\n".join(" ".join(sentences[max(0, n - 1) : n + 1]) for n in range(0, len(sentences) + 1, 2))
    return moved if moved != text else " ".join(sentences)


EDITS: dict[str, Callable[[str], str | None]] = {
    "padded": padded,
    "markdown stripped": without_markdown,
    "re-flowed": reflowed,
}


@dataclass(frozen=True, slots=True)
class Probe:
    """What a harmless change did to verdicts.

    Attributes:
        name: The change; `asked again` is none at all.
        n: Pairs of verdicts, neither an abstention.
        flips: Share of them that differ.
        n_to_desirable: Flips from undesirable to desirable.
        n_to_undesirable: The others.
        n_requests: New requests that it took.
    """

    name: str
    n: int
    flips: Interval | None
    n_to_desirable: int
    n_to_undesirable: int
    n_requests: int


def run_probes(judge: Judge, rows: Sequence[Row], cache: AnswerCache, *, budget: int) -> list[Probe]:
    """Ask again about changed outputs, within a number of requests.

    Args:
        judge: A judge that is asked.
        rows: Rows whose own answers are stored; the probes take of them by a hash, the same every time.
        cache: Where answers are kept.
        budget: The most requests.

    Raises:
        UnavailableError: The server is down or refuses everything.
    """
    chosen = sorted(rows, key=lambda row: xxhash.xxh3_64_hexdigest(f"probe:{row.sample_id}".encode()))
    n_voters, k = len(judge.voters), judge.options.samples.k
    left, probes = budget, []
    kinds: list[tuple[str, Callable[[str], str | None] | None]] = [*EDITS.items(), ("asked again", None)]
    for number, (name, edit) in enumerate(kinds):
        n_most = left // (len(kinds) - number) // (n_voters if edit is None else n_voters * k)
        pairs, n_requests = _pairs(judge, chosen, cache, edit, n_most)
        left -= n_requests
        probes.append(_probe(name, pairs, n_requests))
    return probes


def _pairs(
    judge: Judge,
    rows: Sequence[Row],
    cache: AnswerCache,
    edit: Callable[[str], str | None] | None,
    n_most: int,
) -> tuple[list[tuple[int, int]], int]:
    """Return the votes before and after, and how many requests they took."""
    if edit is None:
        return _again(judge, rows[:n_most], cache)
    changed = [(row, other) for row in rows if (other := _edited(row, edit)) is not None][:n_most]
    before = _votes(JudgeRun(judge, cache, send=False).outcomes((row, True) for row, _ in changed))
    run = JudgeRun(_unlimited(judge), cache)
    after = _votes(run.outcomes((row, True) for _, row in changed))
    return list(zip(before, after, strict=True)), run.counts.n_new


def _again(judge: Judge, rows: Sequence[Row], cache: AnswerCache) -> tuple[list[tuple[int, int]], int]:
    """Ask the same question once more: the samples after those that the judge takes anyway."""
    k = judge.options.samples.k
    options = judge.options.model_copy(
        update={"samples": judge.options.samples.model_copy(update={"k": k + 1})}
    )
    run = JudgeRun(_unlimited(replace(judge, options=options)), cache)
    outcomes = list(run.outcomes((row, True) for row in rows))
    pairs = [(each[0].vote, each[-1].vote) for one in outcomes for each in one.verdicts]
    return pairs, run.counts.n_new


def _unlimited(judge: Judge) -> Judge:
    """Return the judge without its own budget: the probes have theirs."""
    options = judge.options.model_copy(update={"budget": type(judge.options.budget)()})
    return replace(judge, options=options)


def _edited(row: Row, edit: Callable[[str], str | None]) -> Row | None:
    *before, last = row.completion
    text = edit(str(last["content"]))
    return None if text is None else replace(row, completion=[*before, {**last, "content": text}])


def _votes(outcomes: Iterator[RowOutcome]) -> list[int]:
    return [one.votes[0]["vote"] if one.votes else 0 for one in outcomes]


def _probe(name: str, pairs: Sequence[tuple[int, int]], n_requests: int) -> Probe:
    decided = [(before, after) for before, after in pairs if before and after]
    up = sum(after > before for before, after in decided)
    down = sum(after < before for before, after in decided)
    return Probe(name, len(decided), wilson(up + down, len(decided)), up, down, n_requests)
