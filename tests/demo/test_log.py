import json
import os
import subprocess
import sys
from collections import Counter, defaultdict
from itertools import pairwise

import pytest

from kto_data.demo.log import write_demo_log
from kto_data.demo.models import MODELS

FAULTS = {"refusal", "format", "loop", "cut_off", "wrong_sum", "invented_contact", "complied", "vague"}


def share(flags):
    flags = list(flags)
    return sum(flags) / len(flags)


def by_messages(entries, *, prompt_only):
    groups = defaultdict(list)
    for entry in entries:
        messages = entry.record["messages"]
        groups[json.dumps(messages[:-1] if prompt_only else messages)].append(entry)
    return groups


def test_the_same_seed_gives_the_same_bytes(made, tmp_path):
    again = write_demo_log(tmp_path)
    assert again.log.read_bytes() == made.log.read_bytes()
    assert again.truth.read_bytes() == made.truth.read_bytes()


def test_another_process_with_other_hashes_gives_the_same_bytes(tmp_path):
    here = write_demo_log(tmp_path / "here", rows=40)
    code = "import sys, pathlib; from kto_data.demo.log import write_demo_log as w; w(pathlib.Path(sys.argv[1]), rows=40)"
    environment = {**os.environ, "PYTHONHASHSEED": "12345"}
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "there")], check=True, env=environment)
    assert (tmp_path / "there" / "log.jsonl").read_bytes() == here.log.read_bytes()


def test_another_seed_gives_other_bytes(made, tmp_path):
    assert write_demo_log(tmp_path, seed=8).log.read_bytes() != made.log.read_bytes()


def test_nothing_but_the_two_files_is_left_in_the_folder(made):
    assert sorted(path.name for path in made.log.parent.iterdir()) == ["log.jsonl", "truth.jsonl"]


def test_a_log_of_too_few_rows_is_refused_with_the_number(tmp_path):
    with pytest.raises(ValueError, match="rows=19"):
        write_demo_log(tmp_path, rows=19)


@pytest.mark.parametrize("rows", [20, 333, 1000])
def test_the_number_of_rows_is_what_was_asked_for(rows, tmp_path):
    made = write_demo_log(tmp_path, rows=rows, seed=3)
    assert made.n_rows == rows == len(made.truth.read_bytes().splitlines())
    assert len(made.log.read_bytes().splitlines()) == rows + made.n_unreadable


def test_the_counts_are_those_of_the_files(made, entries):
    assert made.n_rows == len(entries) == 2400
    assert made.n_prompts == len(by_messages(entries, prompt_only=True)) >= 450
    assert made.n_desirable == sum(entry.desirable for entry in entries)
    assert made.n_thumbs == sum(entry.record["thumb"] is not None for entry in entries)


def test_a_row_is_desirable_exactly_if_it_has_no_fault(entries):
    assert all(entry.desirable == (entry.fault is None) for entry in entries)


def test_every_model_makes_every_fault_and_one_is_best(entries):
    faults = Counter((entry.record["model"], entry.fault) for entry in entries if entry.fault)
    assert set(faults) == {(model.name, fault) for model in MODELS for fault in FAULTS}
    shares = [
        share(not entry.desirable for entry in entries if entry.record["model"] == model.name)
        for model in MODELS
    ]
    assert 0.2 < shares[0] < 0.32 < shares[1] < 0.48 < shares[2] < 0.66
    assert 0.38 < share(not entry.desirable for entry in entries) < 0.46


def test_thumbs_are_on_two_fifths_of_the_rows_and_mostly_right(entries):
    thumbs = [entry for entry in entries if entry.record["thumb"]]
    assert 0.36 < len(thumbs) / len(entries) < 0.44
    assert 0.75 < share((entry.record["thumb"] == "up") == entry.desirable for entry in thumbs) < 0.9


def test_some_users_are_grumpy(entries):
    thumbs = defaultdict(list)
    for entry in entries:
        if entry.record["thumb"]:
            thumbs[entry.record["user"]].append(entry.record["thumb"] == "down")
    assert sum(share(downs) > 0.8 for downs in thumbs.values()) == 3


def test_prompts_have_answers_of_several_models_and_of_both_classes(entries):
    groups = by_messages(entries, prompt_only=True).values()
    assert all(len({entry.record["model"] for entry in group}) >= 2 for group in groups)
    assert share(len({entry.desirable for entry in group}) == 2 for group in groups) > 0.7


def test_some_rows_are_exact_copies_and_some_of_those_have_contradicting_thumbs(made, entries):
    groups = [group for group in by_messages(entries, prompt_only=False).values() if len(group) > 1]
    n_beyond_first = sum(len(group) - 1 for group in groups)
    assert made.n_copies == 72
    assert made.n_copies <= n_beyond_first < 2 * made.n_copies
    assert sum({"up", "down"} <= {entry.record["thumb"] for entry in group} for group in groups) >= 8


def test_equal_content_has_equal_truth(entries):
    for group in by_messages(entries, prompt_only=False).values():
        assert len({entry.fault for entry in group}) == 1


def test_ids_are_unique_and_in_time_order(entries):
    ids = [entry.record["id"] for entry in entries]
    times = [entry.record["created_at"] for entry in entries]
    assert ids == sorted(set(ids))
    assert all(one < other for one, other in pairwise(times))


def test_unreadable_lines_are_few_and_scattered(made, entries):
    n_lines = len(made.log.read_bytes().splitlines())
    assert made.n_unreadable == n_lines - len(entries) == 6
    assert made.n_unreadable / n_lines < 0.005
    missing = sorted(set(range(1, n_lines + 1)) - {int(entry.record["id"][2:]) for entry in entries})
    assert all(other - one > 1 for one, other in pairwise(missing))


def test_the_log_holds_no_field_of_the_truth(entries):
    allowed = {"id", "created_at", "model", "messages", "finish_reason", "thumb", "user", "next_turn"}
    assert set().union(*(entry.record for entry in entries)) == allowed
    assert not any(fault in entry.record.values() for entry in entries for fault in FAULTS)


def test_neither_place_nor_id_nor_the_shape_of_a_record_tells_the_truth(entries):
    n = len(entries)
    first_half = share(entry.desirable for entry in entries[: n // 2])
    assert abs(first_half - share(entry.desirable for entry in entries[n // 2 :])) < 0.06
    for digit in "0123456789":
        ending = [entry.desirable for entry in entries if entry.record["id"].endswith(digit)]
        assert abs(share(ending) - share(entry.desirable for entry in entries)) < 0.1
    for field in ("finish_reason", "next_turn"):
        without = share(entry.desirable for entry in entries if field not in entry.record)
        assert abs(without - share(entry.desirable for entry in entries)) < 0.15
    orders = {
        tuple(key for key in entry.record if key not in ("finish_reason", "next_turn")) for entry in entries
    }
    assert orders == {("id", "created_at", "model", "messages", "thumb", "user")}


def test_a_finish_reason_alone_proves_nothing(entries):
    for reason in ("stop", "length", None):
        flags = [entry.desirable for entry in entries if entry.record.get("finish_reason") == reason]
        assert 0 < share(flags) < 1


def test_the_last_message_is_the_answer_and_some_conversations_have_more(entries):
    roles = Counter(tuple(message["role"] for message in entry.record["messages"]) for entry in entries)
    assert all(role[-2:] == ("user", "assistant") for role in roles)
    assert roles["system", "user", "assistant"] > 50
    assert roles["user", "assistant", "user", "assistant"] > 50


def test_texts_have_the_length_a_small_model_can_learn(entries):
    assert all(8 <= len(entry.question.split()) <= 40 for entry in entries)
    n_words = [len(entry.answer.split()) for entry in entries]
    assert min(n_words) >= 1
    assert max(n_words) <= 70
    assert share(5 <= n <= 60 for n in n_words) > 0.9
