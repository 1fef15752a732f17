"""All 65 pairwise judges of LLMBar as recorded judges, through the vote file to labels."""

import json
from collections import Counter, defaultdict

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from kto_data.schema import GOLD, content_id

pytestmark = pytest.mark.slow

JUDGE = """\
version: 1
id: j%d
backend:
  recorded: {file: votes-%d.jsonl, columns: [verdict], table: [[better, desirable], [worse, undesirable]]}
samples: {k: 2, combine: unanimous}
"""


def write(path, records):
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")


def sample_of(pair, n):
    prompt = [{"role": "user", "content": pair["prompt"]}]
    return content_id(prompt, [{"role": "assistant", "content": pair[f"output_{n}"]}])


def test_sixty_five_judges_make_labels(kto, sample_rows):
    """The better output of a pair is desirable; a judge who says otherwise in the other order abstains."""
    pairs = sample_rows("llmbar_judges/pairs.jsonl.gz")
    said = defaultdict(lambda: defaultdict(list))
    for vote in sample_rows("llmbar_judges/votes.jsonl.gz"):
        if vote["winner"] is not None:
            said[vote["judge"]][vote["id"]].append(vote["winner"])
    assert len(said) == 65
    rows = [
        {"id": f"{pair['id']}/{n}", "prompt": pair["prompt"], "completion": pair[f"output_{n}"]}
        for pair in pairs
        for n in (1, 2)
    ]
    write(kto.folder / "rows.jsonl", rows)
    for number, winners in enumerate(said.values()):
        votes = [
            {"id": f"{name}/{n}", "verdict": "better" if winner == n else "worse"}
            for name, both in winners.items()
            for winner in both
            for n in (1, 2)
        ]
        write(kto.folder / f"votes-{number}.jsonl", votes)
        (kto.folder / f"j{number}.yaml").write_text(JUDGE % (number, number))
    named = [part for number in range(65) for part in ("--judge", f"j{number}.yaml")]
    ran = kto("judge", "run", "rows.jsonl", *named, "-o", "votes.parquet", "--json")
    assert ran.returncode == 0, ran.stderr

    right = {sample_of(pair, n): pair["gold"] == n for pair in pairs for n in (1, 2)}
    # by hand: each judge's vote where its orders agree, and what most say
    tally = Counter()
    for winners in said.values():
        for pair in pairs:
            both = winners.get(pair["id"], [])
            if both and len(set(both)) == 1:
                for n in (1, 2):
                    tally[sample_of(pair, n)] += 1 if both[0] == n else -1
    assert kto("aggregate", "votes.parquet", "--method", "majority", "-o", "majority.parquet").returncode == 0
    majority = {
        one["sample_id"]: one["label"] for one in pq.read_table(kto.folder / "majority.parquet").to_pylist()
    }
    assert majority == {sample: None if not tally[sample] else tally[sample] > 0 for sample in majority}
    assert len(majority) == len(right)

    # a third of the pairs as gold: what it teaches is looked at on the others
    chosen = np.random.default_rng(0).permutation(len(pairs))[: len(pairs) // 3]
    known = {sample_of(pairs[place], n) for place in chosen for n in (1, 2)}
    gold = [{"sample_id": sample, "label": right[sample], "source": "LLMBar"} for sample in sorted(known)]
    pq.write_table(pa.Table.from_pylist(gold, schema=GOLD), kto.folder / "gold.parquet")
    done = kto(
        "aggregate", "votes.parquet", "--gold", "gold.parquet", "--no-cards", "-o", "labels.parquet", "--json"
    )
    assert done.returncode == 0, done.stderr
    labels = {
        one["sample_id"]: one["label"] for one in pq.read_table(kto.folder / "labels.parquet").to_pylist()
    }
    others = [sample for sample in right if sample not in known]

    def accuracy(found):
        return sum(found[sample] == right[sample] for sample in others) / len(others)

    assert accuracy(labels) > accuracy(majority)
    assert accuracy(labels) > 0.75
