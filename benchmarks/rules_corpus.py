"""The corpus of `rules.py`: prompts and completions as a chat log has them, from a seed.

Words follow Zipf's law with real English at the top; then Markdown, code, JSON, refusals, links, addresses, numbers,
repetition, other scripts, echoes of the prompt, cut-off ends, 3 % exact and 5 % near duplicates. A completion's length is
log-normal: in the median about 900 characters.
"""

import json
import random
import sys
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

COMMON = [
    "the",
    "of",
    "and",
    "to",
    "in",
    "a",
    "is",
    "that",
    "for",
    "it",
    "as",
    "was",
    "with",
    "be",
    "by",
    "on",
    "not",
    "he",
    "i",
    "this",
    "are",
    "or",
    "his",
    "from",
    "at",
    "which",
    "but",
    "have",
    "an",
    "had",
    "they",
    "you",
    "were",
    "their",
    "one",
    "all",
    "we",
    "can",
    "her",
    "has",
    "there",
    "been",
    "if",
    "more",
    "when",
    "will",
    "would",
    "who",
    "so",
    "no",
    "out",
    "up",
    "into",
    "do",
    "any",
    "your",
    "what",
    "some",
    "them",
    "other",
    "time",
    "only",
    "could",
    "new",
    "these",
    "may",
    "then",
    "two",
    "first",
    "such",
    "like",
    "now",
    "its",
    "also",
    "over",
    "after",
    "well",
    "use",
    "make",
    "good",
    "way",
    "data",
    "value",
    "list",
    "test",
    "file",
    "code",
    "name",
    "set",
    "type",
    "number",
    "function",
    "return",
    "example",
    "class",
    "input",
    "output",
    "model",
    "line",
    "string",
    "object",
    "method",
    "error",
    "result",
    "user",
    "text",
    "key",
    "index",
    "row",
    "column",
    "table",
    "array",
    "size",
    "list",
    "order",
    "note",
]
REFUSALS = (
    "I'm sorry, but I can't help with that request.",
    "I apologize, but I cannot assist with this.",
    "I’m sorry, but I can’t provide that.",
    "I am unable to provide medical advice.",
    "Sorry, I can't do that.",
    "I won't be able to help with that.",
)
MODELS = (
    "As an AI language model, I do not have personal opinions.",
    "As a large language model trained by OpenAI, I cannot browse.",
    "I am just an AI assistant.",
)
OPENINGS = ("Sure! Here is ", "Certainly! ", "Of course! ", "Great question! ", "I'd be happy to help! ")
ENDINGS = ("I hope this helps!", "Let me know if you have any questions.", "Feel free to ask for more.")
CODE = (
    "def f(x):\n    return [i * i for i in range(x) if i % 2]\n\nprint(f(10))",
    "SELECT id, count(*) FROM t WHERE x > 3 GROUP BY id;",
    "#include <stdio.h>\nint main(void) {\n  return 0;\n}",
)
SCRIPTS = (
    "你好，世界。这是一个测试。",
    "Привет, как дела?",
    "naïve café résumé",
    "😀🎉🚀",
    "日本語のテキストです。",
    "“quoted — text”…",
)
_CHUNK = 20_000


def vocabulary() -> list[str]:
    """Return 12,000 words, the most frequent first."""
    dice = random.Random(11)  # noqa: S311 - nothing secret
    parts = [one + two for one in "bcdfghlmnprstvw" for two in ("a", "e", "i", "o", "u", "er", "an")]
    words = dict.fromkeys(COMMON)
    while len(words) < 12_000:
        words[
            "".join(dice.choices(parts, k=dice.choice((1, 2, 2, 3, 3, 4)))) + dice.choice(("", "", "s", "ed"))
        ] = None
    return list(words)


def write_corpus(path: Path, n_rows: int, *, seed: int = 0, group_rows: int = _CHUNK) -> None:
    """Write a corpus as zstd Parquet: id, prompt, completion, model, source."""
    rng, words = np.random.default_rng(seed), vocabulary()
    weights = 1 / np.arange(3, len(words) + 3) ** 0.95
    steps = np.cumsum(weights / weights.sum())
    written = 0
    schema = pa.schema(
        [("id", pa.int64()), *((name, pa.string()) for name in ("prompt", "completion", "model", "source"))]
    )
    with pq.ParquetWriter(path, schema, compression="zstd") as writer:
        while written < n_rows:
            n = min(_CHUNK, n_rows - written)
            prompts, completions = _rows(rng, words, steps, n)
            columns = [pa.array(range(written, written + n)), pa.array(prompts), pa.array(completions)]
            labels = [pa.array([f"{kind}-{i % 6}" for i in range(n)]) for kind in ("model", "source")]
            batch = pa.RecordBatch.from_arrays([*columns, *labels], schema=schema)
            writer.write_batch(batch, row_group_size=group_rows)
            written += n


def _rows(
    rng: np.random.Generator, words: list[str], steps: np.ndarray, n: int
) -> tuple[list[str], list[str]]:
    n_prompt = np.clip(rng.lognormal(np.log(33), 0.8, n), 3, 2000).astype(int)
    n_completion = np.clip(rng.lognormal(np.log(160), 0.9, n), 2, 6000).astype(int)
    total = int(n_prompt.sum() + n_completion.sum())
    drawn = np.searchsorted(steps, rng.random(total)).clip(0, len(words) - 1).tolist()
    ends = rng.random(total).tolist()
    tokens, capital = [], True
    for index, end in zip(drawn, ends, strict=True):
        word = words[index].capitalize() if capital else words[index]
        capital = end < 0.07
        tokens.append(word + ("." if capital else "," if end < 0.15 else ""))
    prompts: list[str] = []
    completions: list[str] = []
    place = 0
    for asked, answered in zip(n_prompt.tolist(), n_completion.tolist(), strict=True):
        prompt = " ".join(tokens[place : place + asked]).rstrip(".,") + "?"
        said = tokens[place + asked : place + asked + answered]
        place += asked + answered
        chance, pick = rng.random(16), rng.integers(0, 1 << 30, 8).tolist()
        if completions and chance[15] < 0.08:
            twin = pick[0] % len(completions)
            prompt, completion = prompts[twin], completions[twin]
            if chance[15] < 0.05:
                changed = completion.split(" ")
                changed[pick[1] % len(changed)] = words[pick[2] % 3000]
                completion = " ".join(changed)
        else:
            completion = _completion(prompt, said, chance.tolist(), pick)
        prompts.append(prompt)
        completions.append(completion)
    return prompts, completions


def _completion(prompt: str, said: list[str], chance: list[float], pick: list[int]) -> str:  # noqa: C901 - a list of chances
    step = 40 + pick[0] % 60
    parts = [" ".join(said[start : start + step]) for start in range(0, len(said), step)]
    parts[-1] = parts[-1].rstrip(".,") + "."
    if chance[0] < 0.04:
        parts = [REFUSALS[pick[1] % len(REFUSALS)], *parts[: pick[2] % 2]]
    elif chance[0] < 0.07:
        parts.insert(0, MODELS[pick[1] % len(MODELS)])
    elif chance[0] < 0.17:
        parts[0] = OPENINGS[pick[1] % len(OPENINGS)] + parts[0]
    if chance[1] < 0.12:
        code = f"```{('python', 'sql', '')[pick[4] % 3]}\n{CODE[pick[5] % 3]}\n" + (
            "" if chance[2] < 0.05 else "```"
        )
        parts.insert(1 + pick[6] % len(parts), code)
    if chance[3] < 0.10:
        parts.append(
            "\n".join(f"{n + 1}. {' '.join(said[n * 7 : n * 7 + 7])}" for n in range(2 + pick[4] % 6))
        )
    if chance[4] < 0.06:
        parts.insert(0, "#" * (1 + pick[6] % 3) + " " + " ".join(said[:4]))
    if chance[5] < 0.05:
        parts.append(f"See https://www.{said[0].strip('.,').lower()}.example.com/?id={pick[7]} for details.")
    if chance[6] < 0.02:
        parts.append(f"Contact {said[0].strip('.,').lower()}.{pick[7] % 99}@mail.example.org today.")
    if chance[7] < 0.01:
        parts.append(f"Call +1 ({200 + pick[0] % 700}) {200 + pick[1] % 700}-{1000 + pick[2] % 9000}.")
    if chance[8] < 0.03:
        again = " ".join(said[: 4 + pick[3] % 12])
        parts.append((again + ("\n" if pick[4] & 1 else " ")) * (5 + pick[5] % 25))
    if chance[9] < 0.04:
        parts.insert(len(parts) // 2, SCRIPTS[pick[1] % len(SCRIPTS)] * (1 + pick[2] % 8))
    if chance[10] < 0.02:
        parts.insert(0, prompt)
    if chance[11] < 0.12:
        parts.append(ENDINGS[pick[3] % len(ENDINGS)])
    text = "\n\n".join(parts)
    if chance[12] < 0.06:
        value = {"answer": " ".join(said[:30]), "score": pick[0] % 10, "text": text[: 200 + pick[1] % 1000]}
        text = json.dumps(value, indent=2 if pick[2] & 1 else None, ensure_ascii=bool(pick[3] & 1))
        return text[: -1 - pick[4] % 20] if chance[13] < 0.1 else text
    return text[: max(10, len(text) * 9 // 10)].rstrip(".!?") if chance[12] < 0.14 else text


if __name__ == "__main__":
    write_corpus(Path(sys.argv[1]), int(sys.argv[2]), seed=int(sys.argv[3]), group_rows=int(sys.argv[4]))
