from kto_data.demo.recipes import FACTS


def test_a_good_explanation_begins_with_the_sentence_that_answers_the_question(entries):
    asked = [(entry, fact) for entry in entries for fact in FACTS if fact.question in entry.question]
    good = [(entry, fact) for entry, fact in asked if entry.desirable]
    assert len(good) > 100
    assert all(entry.answer.startswith(fact.answer) for entry, fact in good)


def test_explanations_have_all_faults_of_prose(entries):
    questions = tuple(fact.question for fact in FACTS)
    faults = {entry.fault for entry in entries if any(question in entry.question for question in questions)}
    assert faults == {None, "refusal", "loop", "cut_off", "vague"}
