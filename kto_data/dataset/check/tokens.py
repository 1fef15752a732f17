"""Findings about tokens: truncation by label, chat template faults, markers of a template inside the texts."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import duckdb

from kto_data.dataset.check.finding import Finding
from kto_data.errors import InputError, UnavailableError
from kto_data.tables import read_query

_MARKERS = (
    r"<\|im_(?:start|end)\|>|<\|(?:begin_of_text|eot_id|start_header_id|endoftext)\|>|\[/?INST\]|"
    r"<(?:start|end)_of_turn>|<\|(?:user|assistant|system)\|>|</?s>"
)
_MUCH = 0.05
_APART = 0.1
_BATCH = 256
_EXAMPLES = 5


@dataclass(slots=True)
class _Counts:
    """Rows by label, for each thing that was looked for."""

    n: Counter[bool] = field(default_factory=Counter)
    found: dict[str, Counter[bool]] = field(default_factory=dict)
    places: dict[str, list[str]] = field(default_factory=dict)

    def note(self, what: str, label: bool, place: str) -> None:
        self.found.setdefault(what, Counter())[label] += 1
        examples = self.places.setdefault(what, [])
        if len(examples) < _EXAMPLES:
            examples.append(place)


def check_markers(con: duckdb.DuckDBPyConnection) -> Iterator[Finding]:
    """Find texts that hold a chat template's markers: rendered once already, or meant to be.

    Args:
        con: With the table `checked` and the view `rows`.
    """
    con.execute("CREATE OR REPLACE TABLE marker (pattern VARCHAR)")
    con.execute("INSERT INTO marker VALUES (?)", [_MARKERS])
    found = con.execute(
        "SELECT row_id FROM checked JOIN (SELECT row_id, prompt, completion FROM rows) USING (row_id), marker "
        "WHERE regexp_matches(list_aggregate(list_transform(list_concat(prompt, completion), lambda m: m.content), 'string_agg', ' '), pattern) "
        "ORDER BY row_id"
    ).fetchall()
    [(n,)] = con.execute("SELECT count(*) FROM checked").fetchall()
    if found:
        yield Finding(
            "template_markers",
            "error" if len(found) > 0.5 * n else "warning",
            f"{len(found):,} of {n:,} rows hold a chat template's markers in their text: a trainer that applies its template "
            "writes them twice, and a tokenizer that adds BOS doubles it.",
            "Store plain texts or messages, and leave the template to the trainer.",
            {"n": len(found), "share": len(found) / n},
            tuple(row_id for (row_id,) in found[:_EXAMPLES]),
        )


def check_tokens(
    con: duckdb.DuckDBPyConnection, *, tokenizer: Path, max_length: int, plain: bool
) -> Iterator[Finding]:
    """Find what a tokenizer and a maximum length do to the rows, as TRL would treat them.

    TRL keeps the beginning of a sequence, so a cut completion loses its end of sequence, and drops rows whose prompt
    alone fills the length. It appends EOS to plain texts, and leaves chats to the template.

    Args:
        con: With the table `checked` and the view `rows`.
        tokenizer: A local folder; no code of it is run.
        max_length: In tokens, prompt and completion together.
        plain: The rows are plain texts, to which no chat template is applied.

    Raises:
        InputError: The folder has no tokenizer, or one without the chat template that the rows need.
        UnavailableError: `transformers` is not installed.
    """
    known = _load(tokenizer)
    if not plain and not known.chat_template:
        raise InputError(
            f"{tokenizer}: the rows are chats, and this tokenizer has no chat template; name an instruct model's folder"
        )
    counts = _Counts()
    for row_id, label, prompt, completion in _texts(con, known, plain):
        counts.n[label] += 1
        if len(prompt) >= max_length:
            counts.note("prompt_fills_length", label, row_id)
        elif len(prompt) + len(completion) > max_length:
            counts.note("truncated", label, row_id)
        start = (prompt + completion)[:2]
        if known.bos_token_id is not None and start == [known.bos_token_id] * 2:
            counts.note("double_bos", label, row_id)
        if not plain and known.eos_token_id not in completion[-4:]:
            counts.note("missing_eos", label, row_id)
    yield from _length_findings(counts, max_length)
    yield from _template_findings(counts)


def _load(folder: Path) -> Any:
    if not folder.is_dir():
        raise InputError(f"{folder}: no such folder; --tokenizer names a local folder with a tokenizer")
    try:
        from transformers import AutoTokenizer
    except ImportError:
        raise UnavailableError("--tokenizer needs: pip install 'kto-data[train]'") from None
    try:
        return AutoTokenizer.from_pretrained(str(folder), local_files_only=True, trust_remote_code=False)
    except (OSError, ValueError) as error:
        raise InputError(f"{folder}: no tokenizer can be loaded: {str(error).splitlines()[0]}") from None


def _texts(
    con: duckdb.DuckDBPyConnection, known: Any, plain: bool
) -> Iterator[tuple[str, bool, list[int], list[int]]]:
    """Yield row_id, label, and the tokens of prompt and completion."""
    query = (
        "SELECT row_id, label, prompt, completion FROM checked JOIN (SELECT row_id, prompt, completion FROM rows) "
        "USING (row_id) WHERE split = 'train' ORDER BY position"
    )
    for batch in read_query(con, query, batch_rows=_BATCH):
        rows = batch.to_pylist()
        pairs = [_rendered(known, row["prompt"], row["completion"], plain) for row in rows]
        prompts = known([prompt for prompt, _ in pairs], add_special_tokens=plain, verbose=False)["input_ids"]
        fulls = known([full for _, full in pairs], add_special_tokens=plain, verbose=False)["input_ids"]
        for row, prompt, full in zip(rows, prompts, fulls, strict=True):
            border = next(
                (at for at, (a, b) in enumerate(zip(prompt, full, strict=False)) if a != b),
                min(len(prompt), len(full)),
            )
            yield row["row_id"], row["label"], list(full[:border]), list(full[border:])


def _rendered(known: Any, prompt: list[Any], completion: list[Any], plain: bool) -> tuple[str, str]:
    asked = [_message(message) for message in prompt]
    answered = [_message(message) for message in completion]
    if plain:
        start = "\n".join(message["content"] for message in asked)
        return start, start + "\n".join(message["content"] for message in answered) + (known.eos_token or "")
    return (
        known.apply_chat_template(asked, tokenize=False, add_generation_prompt=True),
        known.apply_chat_template([*asked, *answered], tokenize=False),
    )


def _message(message: dict[str, Any]) -> dict[str, Any]:
    return {key: message[key] for key in ("role", "content") if message.get(key) is not None}


def _length_findings(counts: _Counts, max_length: int) -> Iterator[Finding]:
    for what, name, words, harm in (
        (
            "truncated",
            "truncated_completions",
            "completions are cut",
            "a cut completion has no end of sequence, and the model learns to go on",
        ),
        (
            "prompt_fills_length",
            "prompts_fill_length",
            "prompts fill the length alone and are dropped",
            "which shifts the balance and the batches",
        ),
    ):
        found = counts.found.get(what, Counter())
        shares = {
            label: found[label] / counts.n[label] if counts.n[label] else 0.0 for label in (True, False)
        }
        if not found:
            continue
        uneven = abs(shares[True] - shares[False]) > _APART
        yield Finding(
            name,
            "error" if uneven or max(shares.values()) > 4 * _MUCH else "warning",
            f"At {max_length:,} tokens {words} of {found[True]:,} desirable ({shares[True]:.1%}) and {found[False]:,} undesirable "
            f"rows ({shares[False]:.1%}): {harm}"
            + ("; and one label more than the other, which is learnt." if uneven else "."),
            "Raise max_length, or drop long rows before the balance is reckoned (`curate: [length]`).",
            {
                "max_length": max_length,
                "desirable": shares[True],
                "undesirable": shares[False],
                "n": sum(found.values()),
            },
            tuple(counts.places[what]),
        )


def _template_findings(counts: _Counts) -> Iterator[Finding]:
    n = sum(counts.n.values())
    for what, reason, fix in (
        (
            "double_bos",
            "begin with two BOS tokens",
            "Take BOS out of the texts, or tokenise rendered texts without special tokens.",
        ),
        (
            "missing_eos",
            "do not end with the tokenizer's EOS after its chat template, so the model never learns to stop",
            "Name the template's end of turn as eos_token, or use a template that writes EOS.",
        ),
    ):
        found = counts.found.get(what)
        if found:
            yield Finding(
                what,
                "error",
                f"{sum(found.values()):,} of {n:,} rows {reason}.",
                fix,
                {"n": sum(found.values()), "share": sum(found.values()) / n},
                tuple(counts.places[what]),
            )
