"""Judge files: every mistake at once, each with its line."""

import pytest

from kto_data.config.yaml_file import parse_yaml
from kto_data.errors import ConfigError
from kto_data.labelers.judges.load import load_judges, read_judge

GOOD = "version: 1\nid: a\nmodel: m\nbackend: openai\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("promt: x\n", "j.yaml:5: promt: unknown key; did you mean 'prompt'?"),
        ("prompt: '{{ completion'\n", "j.yaml:5: prompt: is no template: line 1:"),
        (
            "prompt: '{{ completon }}'\n",
            "prompt: there is no variable 'completon'; did you mean 'completion'?",
        ),
        ("prompt: 'x'\n", "prompt: shows no completion"),
        ("when: {contains_: x}\n", "j.yaml:5: when.contains_: unknown check"),
        ("budget: {max_cost_usd: 1}\n", "budget.max_cost_usd needs `prices`"),
        ("output: {score: s}\n", "output: score needs a threshold"),
        ("output: {schema: {type: 5}}\n", "output.schema: is no JSON Schema"),
        ("output: {logprobs: {desirable: [Yes], undesirable: ['yes ']}}\n", "yes says both"),
        ("principles: [{id: a, text: x}, {id: a, text: y}]\n", "two principles have the same id"),
        ("threshold: {desirable_from: 1, undesirable_to: 0}\n", "threshold: is for a reward model"),
        ("tests: [{completion: x, expect: fire}]\n", "tests[0].expect: 'fire' is not one of"),
    ],
)
def test_mistakes_are_told_with_their_place(text, message):
    with pytest.raises(ConfigError) as told:
        read_judge(parse_yaml(GOOD + text, name="j.yaml", folder=None), None)
    assert message in str(told.value)


@pytest.mark.parametrize(
    ("backend", "message"),
    [
        ("opnai", "j.yaml:4: backend: unknown backend 'opnai'; did you mean 'openai'?"),
        ("{openai: {base_url: example.org}}", "backend.openai.base_url: should be an address"),
        ("{openai: {base_url: 'http://me:pw@h/v1'}}", "should not hold a name or password"),
        ("{openai: {api_key: sk-1234567890}}", "a key does not stand in a file"),
        ("{openai: {url: x}}", "backend.openai.url: unknown key"),
        ("{openai: {}, anthropic: {}}", "needs exactly one backend, not 2"),
    ],
)
def test_mistakes_of_the_backend_are_told(backend, message):
    with pytest.raises(ConfigError) as told:
        read_judge(parse_yaml(GOOD.replace("openai", backend), name="j.yaml", folder=None), None)
    assert message in str(told.value)
    assert "sk-1234567890" not in str(told.value)


def test_several_files_are_read_together_with_all_their_mistakes(tmp_path):
    (tmp_path / "a.yaml").write_text(GOOD)
    (tmp_path / "b.yaml").write_text(GOOD)
    with pytest.raises(ConfigError) as told:
        load_judges(["a.yaml", "b.yaml", "c.yaml"], base=tmp_path)
    assert "b.yaml:2: id: the id 'a' is taken by a.yaml:2" in str(told.value)
    assert "c.yaml: no such file" in str(told.value)


def test_the_version_changes_exactly_with_what_changes_votes():
    def version(text):
        return read_judge(parse_yaml(GOOD + text, name="j.yaml", folder=None), None).labelers[0].version

    same = [
        "",
        "description: x\n",
        "limits: {concurrency: 3}\n",
        "tests: [{completion: x, expect: abstain}]\n",
    ]
    other = [
        "rubric: x\n",
        "samples: {k: 3}\n",
        "parameters: {seed: 1}\n",
        "when: {contains: x}\n",
        "scope: answer\n",
    ]
    assert len({version(text) for text in same}) == 1
    assert len({version(text) for text in (same[0], *other)}) == 1 + len(other)
