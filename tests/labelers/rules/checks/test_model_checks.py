import sys

import pytest

from kto_data.errors import ConfigError, UnavailableError
from kto_data.labelers.rules import local_models
from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.model_checks import Classifier, Moderation, Perplexity, Similar

WORDS = ["[PAD]", "[UNK]", "good", "bad", "cat", "dog", "the"]


def tokenizer():
    from tokenizers import Tokenizer, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    plain = Tokenizer(models.WordLevel({word: n for n, word in enumerate(WORDS)}, unk_token="[UNK]"))
    plain.pre_tokenizer = pre_tokenizers.Whitespace()
    return PreTrainedTokenizerFast(tokenizer_object=plain, pad_token="[PAD]", unk_token="[UNK]")


def save(model, folder):
    model.save_pretrained(folder)
    tokenizer().save_pretrained(folder)
    return folder


@pytest.fixture(scope="module")
def classifier(tmp_path_factory):
    """Return the folder of a classifier that says `rude` of a text whose word is bad: by its embeddings alone."""
    import torch
    from transformers import BertConfig, BertForSequenceClassification

    config = BertConfig(
        vocab_size=len(WORDS),
        hidden_size=4,
        num_hidden_layers=1,
        num_attention_heads=1,
        intermediate_size=4,
        max_position_embeddings=16,
        id2label={0: "safe", 1: "rude"},
        label2id={"safe": 0, "rude": 1},
    )
    torch.manual_seed(0)
    model = BertForSequenceClassification(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
        for module in model.modules():
            if isinstance(module, torch.nn.LayerNorm):
                module.weight.fill_(1)
        words = model.bert.embeddings.word_embeddings.weight
        words[WORDS.index("bad")] = torch.tensor([3.0, -1, -1, -1])
        words[WORDS.index("good")] = torch.tensor([-3.0, 1, 1, 1])
        words[WORDS.index("cat")] = torch.tensor([1.0, -1, 1, -1])
        model.bert.pooler.dense.weight.copy_(torch.eye(4))
        model.classifier.weight[1, 0] = 8
    return save(model, tmp_path_factory.mktemp("classifier"))


@pytest.fixture(scope="module")
def language_model(tmp_path_factory):
    """Return the folder of a language model to which every word is equally likely: its perplexity is their number."""
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    config = LlamaConfig(vocab_size=len(WORDS), hidden_size=4, intermediate_size=4, num_hidden_layers=1,
                         num_attention_heads=1, max_position_embeddings=16)  # fmt: skip
    model = LlamaForCausalLM(config)
    with torch.no_grad():
        for parameter in model.parameters():
            parameter.zero_()
    return save(model, tmp_path_factory.mktemp("lm"))


@pytest.mark.slow
def test_a_classifier_gives_a_label(classifier):
    check = Classifier(model="m", folder=str(classifier), label="rude", threshold=0.8)
    assert check.decide("bad", Context()).holds
    assert not check.decide("good", Context()).holds
    assert check.decide("bad", Context()).evidence.startswith("rude 0.9")
    assert check.decide("bad " * 100, Context()).holds, "what is beyond the model's length is left out"


@pytest.mark.slow
def test_an_unknown_label_is_told_when_the_file_is_read(classifier, read_rule):
    with pytest.raises(
        ConfigError, match=r"classifier.label: the model has no label 'rud'; did you mean 'rude'\?"
    ):
        read_rule(f"{{classifier: {{model: {classifier}, label: rud}}}}")
    rule = read_rule(f"{{classifier: {{model: {classifier}, label: rude}}}}")
    assert rule.fires("bad")


@pytest.mark.slow
def test_moderation_flags_what_is_not_harmless(classifier, read_rule):
    check = Moderation(model="m", folder=str(classifier))
    assert check.decide("bad", Context()).evidence.startswith("rude 0.9")
    assert not check.decide("good", Context()).holds
    with pytest.raises(UnavailableError, match="has no label hate; known: safe, rude"):
        Moderation(model="m", folder=str(classifier), labels="hate").decide("x", Context())


@pytest.mark.slow
def test_the_perplexity_of_an_indifferent_model_is_the_number_of_words(language_model):
    found = Perplexity(model="m", folder=str(language_model), max=7.1, min=6.9).decide(
        "the good cat", Context()
    )
    assert (found.holds, found.evidence) == (True, "perplexity 7.0")
    assert not Perplexity(model="m", folder=str(language_model), max=6).decide("the cat", Context()).holds
    assert Perplexity(model="m", folder=str(language_model), max=6).decide("cat", Context()).holds is None


@pytest.mark.slow
def test_similar_compares_meanings(classifier):
    check = Similar(model="m", folder=str(classifier), value=["bad", "cat"], threshold=0.9)
    assert check.decide("bad", Context()).evidence == "similarity 1.000"
    assert check.decide("cat", Context()).holds
    assert not check.decide("good", Context()).holds


@pytest.mark.slow
def test_weights_that_can_carry_code_are_not_loaded(tmp_path, classifier):
    import shutil

    import torch

    folder = tmp_path / "m"
    shutil.copytree(classifier, folder)
    (folder / "model.safetensors").unlink()
    torch.save({}, folder / "pytorch_model.bin")
    with pytest.raises(UnavailableError, match="the model m cannot be loaded: "):
        Classifier(model="m", folder=str(folder), label="rude").decide("x", Context())


def test_without_the_extra_the_message_names_it(monkeypatch, tmp_path, read_rule):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text('{"id2label": {"0": "rude"}}')
    rule = read_rule("{classifier: {model: ./m, label: rude}}")
    local_models.load.cache_clear()
    monkeypatch.setitem(sys.modules, "transformers", None)
    with pytest.raises(UnavailableError, match=r"pip install 'kto-data\[train\]'"):
        rule.decide("x")


@pytest.mark.parametrize(
    ("match", "message"),
    [
        ("{classifier: {model: ./nothing, label: a}}", "match.classifier.model: no such folder: ./nothing; or give a hub id"),
        ("{perplexity: {model: '.', max: 3}}", "match.perplexity.model: the folder . has no model in it"),
        ("{perplexity: {model: a/b}}", "match.perplexity: needs min, max or both"),
        ("{similar: {value: x}}", "match.similar.model: is missing"),
        ("{similar: {value: x, model: '{{meta.model}}'}}", "match.similar.model: no such folder"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_line(read_rule, match, message):
    with pytest.raises(ConfigError) as told:
        read_rule(match)
    assert str(told.value).startswith(f"r.yaml:5: rules[0] (a).{message}")


def test_where_the_model_is_does_not_change_what_the_rule_means(read_rule, tmp_path):
    (tmp_path / "m").mkdir()
    (tmp_path / "m" / "config.json").write_text("{}")
    rule = read_rule("{perplexity: {model: ./m, max: 3}}").rule
    assert str(tmp_path) not in str(rule.definition)
    (tmp_path / "m" / "config.json").write_text('{"other": 1}')
    assert read_rule("{perplexity: {model: ./m, max: 3}}").rule.version != rule.version
