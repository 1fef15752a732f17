"""Models on this machine: tiny ones of random weights, made here."""

import json

import pytest

from kto_data.errors import ConfigError, UnavailableError

pytestmark = pytest.mark.slow


def local(backend, model, more=""):
    return f"version: 1\nid: t\nbackend: {backend}\nmodel: {model}\n{more}"


def test_the_probability_of_two_words_is_that_of_the_model(models, ask, judge_of, rows_of_texts):
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    text = local("transformers", "causal", "output: {logprobs: {min_mass: 0}}\nprompt: '{{ completion }}'\n")
    judge = judge_of(text, head=False, folder=models)
    texts = ["good text", "the text is bad a a a a", "yes"]
    votes, faults, _ = ask(judge, rows_of_texts(texts))
    assert not faults
    tokenizer = AutoTokenizer.from_pretrained(models / "causal")
    model = AutoModelForCausalLM.from_pretrained(models / "causal").eval()
    for vote, row in zip(votes, rows_of_texts(texts).to_pylist(), strict=True):
        [messages] = [judge.prompts.messages(_row(row), judge.options, judge.output, ())]
        shown = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)
        with torch.inference_mode():
            p_V = model(**tokenizer(shown, return_tensors="pt")).logits[0, -1].softmax(-1)
        yes, no = float(p_V[[3, 5]].sum()), float(p_V[[4, 6]].sum())  # in either case
        assert vote["score"] == pytest.approx(yes / (yes + no), abs=1e-5)
        assert vote["vote"] == (1 if yes >= no else -1)


def _row(record):
    from kto_data.labelers.rules.row import Row

    return Row(prompt=record["prompt"], completion=record["completion"])


def test_a_text_is_read_like_a_servers(models, ask, judge_of, rows_of_texts):
    judge = judge_of(
        local("transformers", "causal", "parameters: {max_tokens: 5}\n"), head=False, folder=models
    )
    votes, faults, run = ask(judge, rows_of_texts(["good", "bad"]))
    assert not faults
    assert [vote["vote"] for vote in votes] == [0, 0]  # random weights say nothing that is JSON
    assert set(run.counts.causes) <= {"cut_off", "not_json", "empty"}
    assert all(vote["tokens_out"] <= 5 for vote in votes)


def test_a_reward_models_score_is_read_by_the_threshold(models, ask, judge_of, rows_of_texts):
    threshold = "threshold: {desirable_from: 0.01, undesirable_to: -0.01}\n"
    judge = judge_of(local("reward_model", "reward", threshold), head=False, folder=models)
    votes, faults, _ = ask(judge, rows_of_texts(["good", "bad", "text is the a", "yes yes"]))
    assert not faults
    for vote in votes:
        assert vote["vote"] == (vote["score"] >= 0.01) - (vote["score"] <= -0.01)
    assert len({vote["score"] for vote in votes}) > 1
    assert json.dumps(judge.definition)


def test_of_a_classifier_one_label_has_to_be_named(models, ask, judge_of, rows_of_texts):
    threshold = "threshold: {desirable_from: 0.5, undesirable_to: 0.5}\n"
    judge = judge_of(local("reward_model", "classes", threshold), head=False, folder=models)
    with pytest.raises(UnavailableError, match="one of the labels bad, good"):
        ask(judge, rows_of_texts(["a"]))
    named = judge_of(local("{reward_model: {label: good}}", "classes", threshold), head=False, folder=models)
    votes, _, _ = ask(named, rows_of_texts(["a", "b"]))
    assert all(0 < vote["score"] < 1 for vote in votes)


def test_a_text_that_is_too_long_for_the_model_is_a_fault_of_its_row(models, ask, judge_of, rows_of_texts):
    threshold = "threshold: {desirable_from: 0, undesirable_to: 0}\n"
    judge = judge_of(local("reward_model", "reward", threshold), head=False, folder=models)
    votes, faults, _ = ask(judge, rows_of_texts(["good", "bad " * 1000, "bad"]))
    assert len(votes) == 2
    assert "the model reads 400" in faults[0]["error"]


def test_control_tokens_in_a_text_stay_text(models):
    from transformers import AutoTokenizer

    from kto_data.labelers.judges.backends.local_chat import as_chat

    tokenizer = AutoTokenizer.from_pretrained(models / "causal")
    shown = as_chat(tokenizer, [{"role": "user", "content": "a <eos> b"}], answer_follows=True)
    assert tokenizer.eos_token not in shown


def test_a_missing_model_is_told_with_its_line(judge_of, tmp_path):
    with pytest.raises(ConfigError, match=r"j\.yaml:4: model: no such folder with a model in it: nowhere"):
        judge_of(local("transformers", "nowhere"), head=False, folder=tmp_path)
