"""Findings about what rows say: empty, repeated, contradicting, or on both sides of a split."""

from collections.abc import Iterator
from typing import Any

import duckdb

from kto_data.dataset.check.finding import Finding

_EXAMPLES = 5
_MANY = 0.01
_NORMALISED = (
    "md5(regexp_replace(trim(lower(list_aggregate(list_transform(prompt, lambda m: m.content), 'string_agg', chr(10)))), "
    "'\\s+', ' ', 'g'))"
)

_OUTPUT = "trim(list_aggregate(list_transform(completion, lambda m: m.content || coalesce(m.tool_calls, '')), 'string_agg', ''))"


def check_content(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """Find rows that should not be trained on as they are.

    Args:
        con: With the table `checked`: row_id, split, label, sample_id, prompt_id, source, position; and the view `rows`.
    """
    [(n,)] = con.execute("SELECT count(*) FROM checked").fetchall()
    yield from _empty(con)
    yield from _duplicates(con, n)
    yield from _contradictions(con, n)
    yield from _canned(con)
    yield from _leaks(con)


def _empty(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    found = _rows(
        con,
        f"SELECT row_id, label FROM checked JOIN (SELECT row_id, completion FROM rows) USING (row_id) WHERE {_OUTPUT} = ''",  # noqa: S608 - an expression of ours
    )
    if found:
        n_desirable = sum(label for _, label in found)
        yield Finding(
            "empty_completions",
            "error" if n_desirable else "warning",
            f"{len(found):,} completions are empty, {n_desirable:,} of them desirable: what is trained is a lone end of sequence.",
            "Leave empty desirable completions out; an empty undesirable one may be meant.",
            {"n": len(found), "n_desirable": n_desirable},
            _places(found),
        )
    blank = _rows(
        con,
        "SELECT row_id, label FROM checked JOIN (SELECT row_id, prompt FROM rows) USING (row_id) WHERE len(prompt) = 0",
    )
    if blank:
        yield Finding(
            "no_prompt",
            "error",
            f"{len(blank):,} rows have no prompt.",
            "Leave them out, or give them the prompt that was answered.",
            {"n": len(blank)},
            _places(blank),
        )


def _duplicates(con: duckdb.DuckDBPyConnection, n: int) -> Iterator[Finding]:
    found = _rows(
        con,
        "SELECT row_id, label FROM (SELECT row_id, label, row_number() OVER (PARTITION BY split, sample_id, label ORDER BY position) AS nth "
        "FROM checked) WHERE nth > 1 ORDER BY row_id",
    )
    if found:
        yield Finding(
            "duplicates",
            "warning",
            f"{len(found):,} of {n:,} rows repeat a prompt, completion and label of their split: each counts as often as "
            "it is there.",
            "Keep one of each, unless frequency is meant as weight (`curate: [exact_dedup]`).",
            {"n": len(found), "share": len(found) / n},
            _places(found),
        )


def _contradictions(con: duckdb.DuckDBPyConnection, n: int) -> Iterator[Finding]:
    found = _rows(
        con,
        "SELECT row_id, label FROM checked SEMI JOIN (SELECT sample_id FROM checked GROUP BY sample_id "
        "HAVING count(DISTINCT label) > 1) USING (sample_id) ORDER BY sample_id, row_id",
    )
    if found:
        yield Finding(
            "contradictions",
            "error" if len(found) > _MANY * n else "warning",
            f"{len(found):,} of {n:,} rows have an equal prompt and completion with the other label: what one row teaches the "
            "other unteaches (KTO keeps what the majority says; Theorem 4.3 of the paper).",
            "Decide each text once: keep what people or the majority say, or drop it (`curate: [contradictions]`).",
            {"n": len(found), "share": len(found) / n},
            _places(found),
        )


def _canned(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    found = con.execute(
        "SELECT label, count(*) AS n, first(row_id ORDER BY position), (SELECT count(*) FROM checked AS c WHERE c.label = k.label) AS total "
        "FROM keyed AS k GROUP BY label, completion_key HAVING n > 2 AND count(DISTINCT prompt_id) > 2 ORDER BY n DESC LIMIT 5"
    ).fetchall()
    for label, count, row_id, total in found:
        if count > 0.05 * total:
            name = "desirable" if label else "undesirable"
            yield Finding(
                "canned_completion",
                "warning",
                f"One completion answers {count:,} rows, {count / total:.1%} of the {name} ones: the class is learnt as that text.",
                "Keep a few of them (`curate: [canned]`, or a cap).",
                {"n": count, "share": count / total, "label": bool(label)},
                (row_id,),
            )


def _leaks(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    sides = {side for (side,) in con.execute("SELECT DISTINCT split FROM checked").fetchall()}
    if len(sides) < 2:
        return
    con.execute(
        f"CREATE TABLE asked AS SELECT row_id, split, prompt_id, {_NORMALISED} AS near FROM checked JOIN (SELECT row_id, prompt FROM rows) USING (row_id)"  # noqa: S608 - an expression of ours
    )
    for key, name, severity, what in (
        ("prompt_id", "leak", "error", "have their prompt in the train split too"),
        ("near", "near_leak", "warning", "have a train prompt that differs in case or white space alone"),
    ):
        found = con.execute(
            f"SELECT row_id FROM asked SEMI JOIN (SELECT {key} FROM asked WHERE split = 'train') USING ({key}) "  # noqa: S608 - columns of ours
            f"WHERE split <> 'train' {'' if key == 'prompt_id' else 'AND prompt_id NOT IN (SELECT prompt_id FROM asked WHERE split = $$train$$)'} "
            "ORDER BY row_id"
        ).fetchall()
        if found:
            [(n_held_out,)] = con.execute("SELECT count(*) FROM checked WHERE split <> 'train'").fetchall()
            yield Finding(
                name,
                severity,  # type: ignore[arg-type]  # a word of this file
                f"{len(found):,} of {n_held_out:,} held-out rows {what}: an evaluation on them measures memory.",
                "Split by prompt (`split: {by: prompt_id}`), or leave these rows out of one side.",
                {"n": len(found), "share": len(found) / n_held_out},
                _places(found),
            )


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> list[Any]:
    return con.execute(query).fetchall()


def _places(found: list[Any]) -> tuple[str, ...]:
    return tuple(row[0] for row in found[:_EXAMPLES])
