from kto_trainer.audit import encode_rows
from kto_trainer.dataset import read_split
from kto_trainer.encoding import Encoder


def test_what_a_reader_should_know_is_counted_by_class(tiny, make, tmp_path):
    rows = [
        make.row(0, True, "p", "a"),
        make.row(1, True, "p", "a"),  # a duplicate of row 0
        make.row(2, False, "p", "a"),  # the same sample with the other label
        make.row(3, False, "p", ""),  # empty
        make.row(4, False, "p", "word " * 60),  # a completion too long for 40 tokens
        make.row(5, True, "word " * 60, "a"),  # a prompt too long
    ]
    split = read_split(make.dataset(tmp_path / "data", rows), "train")
    encoded = encode_rows(split.rows, Encoder(tiny[1], 40))
    counts = encoded.counts
    assert counts["rows"] == {"train": 6, "desirable": 3, "undesirable": 3}
    assert counts["completions_truncated"] == {"desirable": 0, "undesirable": 1}
    assert counts["prompts_truncated"] == {"desirable": 1, "undesirable": 0}
    assert counts["empty_completions"] == {"desirable": 0, "undesirable": 1}
    assert counts["duplicates"] == 1
    assert counts["rows_with_both_labels"] == 3
    assert counts["distinct_prompts"] == 2
    assert encoded.prompt_keys == [0, 0, 0, 0, 0, 1]
    assert encoded.completion_keys[:3] == [0, 0, 0]
    assert max(len(item.prompt) + len(item.completion) for item in encoded.tokens) == 40
