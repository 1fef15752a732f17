import pytest
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.errors import TrainerError


@pytest.fixture
def encoder(tiny):
    return Encoder(tiny[1], 16)


def messages(make, *turns):
    return [part for role, content in turns for part in make.message(role, content)]


def test_chat_messages_go_through_the_template_and_the_completion_ends_with_eos(encoder, make):
    tokens = encoder.encode(make.message("user", "tea?"), make.message("assistant", "yes"))
    decode = encoder.tokenizer.decode
    assert decode(tokens.prompt) == "<|im_start|>user\ntea?<|im_end|>\n<|im_start|>assistant\n"
    assert decode(tokens.completion) == "yes<|im_end|>"
    assert tokens.completion[-1] == encoder.eos


def test_plain_text_needs_no_template(encoder):
    encoder.tokenizer.chat_template = None
    tokens = encoder.encode("tea?", "yes")
    assert encoder.tokenizer.decode(tokens.prompt) == "tea?"
    assert tokens.completion[-1] == encoder.eos


def test_a_generation_starts_from_the_prompt_that_was_trained_on(encoder, make):
    prompt = make.message("user", "tea?")
    assert (
        encoder.encode_prompt(prompt, 99) == encoder.encode(prompt, make.message("assistant", "yes")).prompt
    )


def test_bos_is_there_once(encoder, make):
    tokenizer = encoder.tokenizer
    tokenizer.bos_token = "<|endoftext|>"
    tokenizer.chat_template = "{{ bos_token }}" + tokenizer.chat_template
    tokens = encoder.encode(make.message("user", "tea?"), make.message("assistant", "yes"))
    assert tokens.prompt.count(tokenizer.bos_token_id) == 1
    assert tokens.prompt[0] == tokenizer.bos_token_id


def test_a_template_that_renders_a_finished_turn_differently_is_split_where_the_two_part(encoder, make):
    # As some reasoning models do: the prompt to generate from already opens and closes an empty thought.
    encoder.tokenizer.chat_template = (
        "{% for m in messages %}{{ '[' + m.role + ']' + m.content }}{% if m.role == 'assistant' %}<|im_end|>{% endif %}"
        "{% endfor %}{% if add_generation_prompt %}[assistant]<think></think>{% endif %}"
    )
    tokens = encoder.encode(make.message("user", "tea?"), make.message("assistant", "yes"))
    assert encoder.tokenizer.decode(tokens.prompt) == "[user]tea?[assistant]"
    assert encoder.tokenizer.decode(tokens.completion) == "yes<|im_end|>"


@pytest.mark.parametrize(("prompt", "completion"), [("", "yes"), ("tea?", ""), ("", "")])
def test_empty_sides_still_have_a_token_to_start_from_and_one_to_learn(encoder, prompt, completion):
    tokens = encoder.encode(prompt, completion)
    assert tokens.prompt
    assert tokens.completion[-1] == encoder.eos


@pytest.mark.parametrize(
    ("n_prompt", "n_completion", "kept_prompt", "kept_completion"),
    [
        (8, 8, 8, 8),  # fits 16
        (4, 40, 4, 12),  # the completion gives way
        (40, 4, 12, 4),  # the prompt gives way, down to what the completion leaves
        (40, 40, 8, 8),  # half each
        (9, 8, 8, 8),
    ],
)
def test_cutting_keeps_the_prompts_end_and_the_eos(
    encoder, n_prompt, n_completion, kept_prompt, kept_completion
):
    prompt = list(range(10, 10 + n_prompt))
    completion = [*range(100, 99 + n_completion), encoder.eos]
    fitted = encoder.fit(Tokens(prompt, completion))
    assert fitted.tokens.prompt == prompt[n_prompt - kept_prompt :]
    assert fitted.tokens.completion == [*completion[: kept_completion - 1], encoder.eos]
    assert fitted.prompt_cut == (kept_prompt < n_prompt)
    assert fitted.completion_cut == (kept_completion < n_completion)


def test_a_cut_prompt_keeps_its_bos(encoder):
    encoder.tokenizer.bos_token = "<|endoftext|>"
    bos = encoder.tokenizer.bos_token_id
    fitted = encoder.fit(Tokens([bos, *range(10, 50)], [*range(100, 107), encoder.eos]))
    assert fitted.tokens.prompt == [bos, *range(43, 50)]


def test_messages_without_a_chat_template_are_refused_with_a_remedy(encoder, make):
    encoder.tokenizer.chat_template = None
    with pytest.raises(TrainerError, match=r"no chat template.*chat_template: chatml"):
        encoder.encode(make.message("user", "tea?"), make.message("assistant", "yes"))


def test_a_template_that_refuses_a_role_is_named(encoder, make):
    encoder.tokenizer.chat_template = "{{ raise_exception('only users') }}"
    with pytest.raises(TrainerError, match=r"refuses messages with the roles system.*only users"):
        encoder.encode(make.message("system", "be kind"), make.message("assistant", "yes"))


def test_reasoning_and_tool_calls_reach_the_template(encoder, make):
    encoder.tokenizer.chat_template = (
        "{% for m in messages %}{{ m.content }}{{ m.reasoning_content or '' }}"
        "{% for call in m.tool_calls or [] %}{{ call.name }}{% endfor %}{% endfor %}"
    )
    turn = [
        {
            "role": "assistant",
            "content": None,
            "reasoning": "hm",
            "tool_calls": '[{"name": "clock"}]',
            "name": None,
        }
    ]
    assert (
        encoder.tokenizer.decode(encoder.encode(make.message("user", "time?"), turn).completion)
        == "hmclock<|im_end|>"
    )


def test_many_rows_at_a_time_give_the_tokens_of_one_by_one(tiny, monkeypatch):
    from kto_trainer import encoding

    monkeypatch.setattr(encoding, "CHUNK", 5)
    encoder = Encoder(tiny[1], 64)
    pairs = [(row.prompt, row.completion) for row in tiny[2].texts()]
    pairs[3:3] = [("plain text", " and more"), ("", "")]  # without a template, among chats
    assert list(encoder.encode_all(pairs)) == [encoder.encode(*pair) for pair in pairs]
    assert list(encoder.encode_all([])) == []
