"""What the packs' descriptions say of them is what is measured; `benchmarks/packs.py` measures it."""

import importlib.util
import json
import os
from pathlib import Path

import pytest

import kto_data
from kto_data.config.yaml_file import load_yaml
from kto_data.labelers.rules import load_rules

ROOT = Path(kto_data.__file__).parents[1]


def _load_benchmark():
    spec = importlib.util.spec_from_file_location("packs_benchmark", ROOT / "benchmarks" / "packs.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


packs = _load_benchmark()


def _description(name):
    (path, *_) = load_rules([f"builtin:{name}"], base=Path()).files
    return " ".join(load_yaml(path).data["description"].split())


def _entries(path):
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("name", packs.WITH_SETS)
def test_a_set_has_two_hundred_completions_each_way_and_none_twice(name):
    entries = _entries(packs.SETS / f"{name}.jsonl") + _entries(packs.SETS / f"{name}_fresh.jsonl")
    expected = [entry["expect"] for entry in entries]
    assert min(expected.count("fire"), expected.count("ok")) >= 200
    assert len({json.dumps(entry, sort_keys=True) for entry in entries}) == len(entries)


@pytest.mark.parametrize("name", packs.WITH_SETS)
def test_precision_and_recall_in_the_description_are_those_measured(name):
    assert packs.sentence_of_sets(name) in _description(name)


def test_the_agreement_with_people_in_the_description_is_the_one_measured():
    samples = Path(os.environ.get("KTO_SAMPLES", ROOT.parent / "shared" / "data"))
    if not (samples / packs.SAMPLES["XSTest"]).exists():
        pytest.skip("the sample is not there: set KTO_SAMPLES to the folder that holds xstest_completions/")
    found = packs.on_xstest(samples)
    assert found["not developed on"]["f1"] >= packs.F1_TARGET
    assert packs.sentence_of_xstest(found) in _description("refusals")


@pytest.mark.parametrize("name", packs.WITH_SETS)
def test_figures_of_no_firing_and_of_all_firing_are_as_they_should_be(name):
    pairs = [(entry["expect"] == "fire", True) for entry in _entries(packs.SETS / f"{name}_fresh.jsonl")]
    assert packs.counted(pairs) == (50, 50, 0)
    assert packs.counted([(true, False) for true, _ in pairs]).recall == 0


@pytest.mark.parametrize("name", [name for name in packs.builtin_packs() if name not in packs.OF_A_PRODUCT])
def test_a_description_says_what_was_found_and_what_it_costs(name):
    assert "Speaks against" in _description(name)
    assert "s of processor time a million answers" in _description(name)
