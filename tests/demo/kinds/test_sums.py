import operator
import re

SUM = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)")
OPERATORS = {"+": operator.add, "-": operator.sub, "*": operator.mul}


def is_right(text):
    left, sign, right, result = SUM.search(text).groups()
    return OPERATORS[sign](int(left), int(right)) == int(result)


def sums(entries):
    return [entry for entry in entries if "the sum." in entry.question]


def test_good_sums_are_right_and_wrong_ones_are_wrong(entries):
    for entry in sums(entries):
        assert is_right(entry.answer) == (entry.fault != "wrong_sum"), entry.answer


def test_sums_of_all_three_signs_occur_right_and_wrong(entries):
    seen = {(SUM.search(entry.answer)[2], entry.desirable) for entry in sums(entries)}
    assert seen == {(sign, desirable) for sign in "+-*" for desirable in (True, False)}


def test_no_other_answer_shows_a_sum(entries):
    assert sum(bool(SUM.search(entry.answer)) for entry in entries) == len(sums(entries)) > 200


def test_the_numbers_of_the_question_are_those_of_the_answer(entries):
    for entry in sums(entries):
        assert re.findall(r"\d+", entry.question) == list(SUM.search(entry.answer).group(1, 3))
