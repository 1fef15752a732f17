import pytest

from kto_data.labelers.rules.ifeval.instruction import INSTRUCTIONS
from kto_data.labelers.rules.limits import RowError


def follows(name, text, **kwargs):
    return INSTRUCTIONS.get(name).follows(text, kwargs)


def test_all_25_instructions_are_there_and_say_what_they_are():
    assert len(list(INSTRUCTIONS)) == 25
    assert all(INSTRUCTIONS.get(name).verify.__doc__ for name in INSTRUCTIONS)


@pytest.mark.parametrize("name", list(INSTRUCTIONS))
def test_an_empty_text_follows_no_instruction(name):
    values = {
        "keywords": ["a"], "forbidden_words": ["a"], "relation": "less than", "let_relation": "less than",
        "capital_relation": "less than",
    }  # fmt: skip
    given = INSTRUCTIONS.get(name)
    assert not given.follows(" \n", {key: values.get(key, "1") for key in given.options})


@pytest.mark.parametrize(
    ("text", "keywords", "holds"),
    [
        ("The Cat sat", ["cat", "SAT"], True),
        ("concatenate", ["cat"], True),
        ("The dog", ["cat", "dog"], False),
        ("C plus plus", ["C++"], False),
    ],
)
def test_keywords_exist_also_inside_words(text, keywords, holds):
    assert follows("keywords:existence", text, keywords=keywords) is holds


@pytest.mark.parametrize(
    ("relation", "frequency", "holds"),
    [("at least", 2, True), ("at least", 3, False), ("less than", 3, True), ("less than", 2, False)],
)
def test_a_keyword_is_counted_without_overlap(relation, frequency, holds):
    given = {"keyword": "ana", "frequency": frequency, "relation": relation}
    assert follows("keywords:frequency", "Banana ana", **given) is holds


@pytest.mark.parametrize(
    ("text", "holds"), [("A rocky road", True), ("Rock!", False), ("rock_n", True), ("punk-rock", False)]
)
def test_forbidden_words_are_whole_words(text, holds):
    assert follows("keywords:forbidden_words", text, forbidden_words=["rock"]) is holds


@pytest.mark.parametrize(
    ("letter", "frequency", "relation", "holds"),
    [
        ("a", 4, "at least", True),
        ("A", 4, "less than", False),
        ("#", 2, "at least", True),
        ("z", 1, "less than", True),
    ],
)
def test_letters_are_counted_in_upper_and_lower_case(letter, frequency, relation, holds):
    given = {"letter": letter, "let_frequency": frequency, "let_relation": relation}
    assert follows("keywords:letter_frequency", "Banana, #a #b", **given) is holds


@pytest.mark.parametrize(("bound", "holds"), [(7, False), (8, True)])
def test_words_are_runs_of_letters_and_digits(bound, holds):
    text = "I don't think 3.5 is"  # I, don, t, think, 3, 5, is: 7
    assert follows("length_constraints:number_words", text, num_words=bound, relation="less than") is holds


@pytest.mark.parametrize(
    ("text", "n", "holds"),
    [
        ("One\n***\nTwo", 2, True),
        ("***\nOne\n***\nTwo\n***", 2, True),
        ("One***Two", 2, True),
        ("One\n***\n\n***\nTwo", 2, False),
        ("One\n\nTwo", 2, False),
    ],
)
def test_paragraphs_stand_between_three_asterisks(text, n, holds):
    assert follows("length_constraints:number_paragraphs", text, num_paragraphs=n) is holds


@pytest.mark.parametrize(
    ("text", "nth", "word", "holds"),
    [
        ("One\n\n'Two, it is", 2, "two", True),
        ("One\n\nTwo-fold", 2, "two", False),
        ("One\n\nTwo\n\n", 2, "Two", True),
        ("One\n\nTwo\n\nThree", 2, "two", False),
        ("\n\nOne\n\nTwo", 1, "one", False),
        ("One\n\nTwo", 3, "two", False),
    ],
)
def test_the_first_word_of_a_paragraph(text, nth, word, holds):
    given = {"num_paragraphs": 2, "nth_paragraph": nth, "first_word": word}
    assert follows("length_constraints:nth_paragraph_first_word", text, **given) is holds


@pytest.mark.parametrize(("n", "holds"), [(2, True), (3, False)])
def test_placeholders_are_brackets_in_one_line(n, holds):
    text = "Dear [name], at [] and [not\nhere]"
    assert follows("detectable_content:number_placeholders", text, num_placeholders=n) is holds


@pytest.mark.parametrize(
    ("marker", "text", "holds"),
    [
        ("P.S.", "Bye\np.s. one more", True),
        ("P.S.", "Bye P. S. more", True),
        ("P.S.", "Bye PS more", False),
        ("P.P.S", "P. P. S one", True),
        ("P.P.S", "P.S. one", False),
        ("Note:", "NOTE: more", True),
    ],
)
def test_a_postscript_begins_with_its_marker(marker, text, holds):
    assert follows("detectable_content:postscript", text, postscript_marker=marker) is holds


@pytest.mark.parametrize(
    ("text", "n"),
    [("* a\n* b", 2), ("- a\n  * b\n-c", 3), ("**bold**\n*a*", 1), ("1. a\n• b", 0), ("---\n- a", 2)],
)
def test_bullets_are_lines_with_a_dash_or_one_asterisk(text, n):
    assert follows("detectable_format:number_bullet_lists", text, num_bullets=n)
    assert not follows("detectable_format:number_bullet_lists", text, num_bullets=n + 1)


@pytest.mark.parametrize(
    ("text", "n"),
    [("*a* and *b c*", 2), ("**a**", 1), ("* a\n* b", 0), ("*a\nb*", 0), ("** **", 0), ("**a** *b*", 2)],
)
def test_highlights_stand_between_asterisks_in_one_line(text, n):
    assert follows("detectable_format:number_highlighted_sections", text, num_highlights=n)
    assert not follows("detectable_format:number_highlighted_sections", text, num_highlights=n + 1)


@pytest.mark.parametrize(
    ("text", "n"), [("Section 1\na\nSection 2\nb", 2), ("section 1", 0), ("Section1 Section\n2", 2)]
)
def test_sections_are_the_word_and_a_number(text, n):
    given = {"section_spliter": "Section"}
    assert follows("detectable_format:multiple_sections", text, num_sections=n, **given)
    assert not follows("detectable_format:multiple_sections", text, num_sections=n + 1, **given)


@pytest.mark.parametrize(
    ("text", "holds"),
    [("<<Joy>>\nyes", True), ("<Joy>", False), ("<< >>", False), ("<<a\nb>>", False), ("x <<<y>>>", True)],
)
def test_a_title_stands_in_double_angle_brackets(text, holds):
    assert follows("detectable_format:title", text) is holds


@pytest.mark.parametrize(
    ("text", "holds"),
    [('{"a": 1}', True), ('```json\n{"a": 1}\n```', True), ("```\n[1]\n```", True), ("Here: {}", False)],
)
def test_json_may_stand_in_a_fence(text, holds):
    assert follows("detectable_format:json_format", text) is holds


def test_the_answer_is_one_of_three():
    assert follows("detectable_format:constrained_response", "Well. My answer is maybe.")
    assert not follows("detectable_format:constrained_response", "My answer is: yes.")


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a\n******\nb", True),
        ("******a******b******", True),
        ("a\n******\na", False),
        ("a******b******c", False),
        ("a****** ******b", False),
        ("a", False),
    ],
)
def test_two_responses_differ(text, holds):
    assert follows("combination:two_responses", text) is holds


def test_the_prompt_is_repeated_first():
    assert follows("combination:repeat_prompt", "\nWRITE a poem. Roses", prompt_to_repeat="Write a poem. ")
    assert not follows("combination:repeat_prompt", '"Write a poem." Roses', prompt_to_repeat="Write a poem.")


def test_the_end_phrase_comes_last():
    assert follows("startend:end_checker", 'Yes. "PEACE!" ', end_phrase="Peace!")
    assert not follows("startend:end_checker", "Peace! Bye", end_phrase="Peace!")


@pytest.mark.parametrize(("text", "holds"), [(' "a" ', True), ('"', False), ("“a”", False), ('"a', False)])
def test_a_quotation_has_both_marks(text, holds):
    assert follows("startend:quotation", text) is holds


def test_no_comma_means_the_latin_one():
    assert follows("punctuation:no_comma", "one; two、three")
    assert not follows("punctuation:no_comma", "1,000")


@pytest.mark.parametrize(
    ("name", "kwargs", "message"),
    [
        ("punctuation:no_comma", {"n": 1}, "unknown kwarg 'n'; it takes none"),
        ("length_constraints:number_words", {"num_words": 3}, "needs the kwarg 'relation'"),
        ("length_constraints:number_words", {"num_word": 3}, "unknown kwarg 'num_word'; did you mean 'num_words'?"),
        ("detectable_content:number_placeholders", {"num_placeholders": "few"}, "kwarg num_placeholders: "),
        ("keywords:frequency", {"keyword": "a", "frequency": 1, "relation": "more"}, "kwarg relation: "),
    ],
)  # fmt: skip
def test_kwargs_that_do_not_fit_are_told(name, kwargs, message):
    with pytest.raises(RowError) as error:
        follows(name, "text", **kwargs)
    assert str(error.value).startswith(message)


def test_whole_numbers_may_come_as_doubles():
    assert follows("detectable_content:number_placeholders", "[a] [b]", num_placeholders=2.0)
