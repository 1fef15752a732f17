"""Many rows at once, each check says what it says of them one by one."""

import pyarrow as pa
import pytest

from kto_data.labelers.rules.engine import label_batch
from kto_data.labelers.rules.fast.engine import FastRules
from kto_data.labelers.rules.load import load_rules
from kto_data.schema import rows_schema

CHECKS = """
is-json: {schema: {type: object, required: [a]}}
contains-json: true
is-xml: true
contains-xml: true
is-html: true
contains-html: true
is-sql: true
contains-sql: true
is-valid-function-call: true
is-valid-openai-function-call: true
is-valid-openai-tools-call: true
tool-call-f1: {value: [weather]}
is-refusal: {strength: soft}
hedging: {count: {min: 1}}
sycophancy-phrases: true
preamble: true
markdown: {bold: {min: 1}}
emoji: {count: {min: 1}}
language: {is: en}
script: {is: Latin}
mixed-language: true
pii: {types: [email, phone, credit-card, iban, ip], not_in: prompt}
secrets: true
sql: "length(completion) > 20 AND meta.n > 1"
icontains: {value: a, count: {min: 2, max: 4}}
contains-any: {values: [e, s, "İ"], ignore_case: true, count: {max: 3}}
regex: {engine: python, pattern: '(?<!\\w)\\p{Lu}'}
""".strip().splitlines()
TEXTS = [
    "", "  ", "\x00", '{"a": 1}', 'Sure! Here is it: {"a": {"b": 2}}', "<a><b/></a>", "<p>Hi &amp; bye</p>", "<b>x</b> y",
    "SELECT a FROM t", "```sql\nSELECT 1\n```", '{"name": "weather", "arguments": "{}"}',
    '[{"type": "function", "function": {"name": "weather", "arguments": "{}"}}]', "I'm sorry, but I can't help with that.",
    "As an AI, I don't have opinions.", "Perhaps it is **so**.", "Great question! I think you're absolutely right.", "👍🏽 ok",
    "Das Wetter ist heute schön. The weather is really nice today, my friend.", "Привет, как дела сегодня?",
    "Write to ana@corp.io or +49 30 1234567.", "Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00", "10.0.0.7",
    "api_key = q7Rt2Lm9Xc4Vb8Nz", "[" * 5000, "é" * 50, "İstanbul ŉ ſ", "a\u2028b\x85c", "You may want to ask someone else.",
]  # fmt: skip


@pytest.fixture(scope="module")
def rows():
    lines = [
        {
            "row_id": f"r{n}",
            "sample_id": f"s{n}",
            "prompt_id": "p",
            "prompt": [{"role": "user", "content": "Mail ana@corp.io" if n % 2 else "Hi"}],
            "completion": [{"role": "assistant", "content": text}],
            "source": "t",
            "meta": {"n": n % 4 or None},
        }
        for n, text in enumerate(TEXTS)
    ]
    return pa.Table.from_pylist(lines, schema=rows_schema(pa.struct([("n", pa.int64())])))


@pytest.mark.parametrize("line", CHECKS, ids=lambda line: line.partition(":")[0])
def test_a_check_says_the_same_of_many_rows_as_of_each(tmp_path, rows, line):
    name, _, value = line.partition(": ")
    (tmp_path / "r.yaml").write_text(
        "version: 1\nrules:\n"
        f"  - {{id: yes, vote: undesirable, otherwise: desirable, match: {{{name}: {value}}}}}\n"
        f"  - {{id: no, vote: undesirable, otherwise: desirable, match: {{not: {{{name}: {value}}}}}}}\n"
        f"  - {{id: gate, vote: undesirable, when: {{{name}: {value}}}, match: {{contains: e}}}}\n"
    )
    rules = load_rules(["r.yaml"], base=tmp_path)
    (batch,) = rows.combine_chunks().to_batches()
    slow, fast = label_batch(rules, rows), FastRules(rules).label(batch)
    one_by_one = [label_batch(rules, rows.slice(n, 1)) for n in range(rows.num_rows)]
    assert fast.votes.to_pylist() == slow.votes.to_pylist()
    assert fast.faults.to_pylist() == slow.faults.to_pylist()
    assert pa.concat_tables([part.votes for part in one_by_one]).equals(slow.votes)
    assert set(slow.votes.column("yes").to_pylist()) >= {-1, 1}, "the texts tell both"
