from kto_trainer.dataset import read_split
from kto_trainer.encoding import Encoder


def test_what_a_reader_should_know_is_counted_by_class(tiny, make, tmp_path, encode):
    rows = [
        make.row(0, True, "p", "a"),
        make.row(1, True, "p", "a"),  # a duplicate of row 0
        make.row(2, False, "p", "a"),  # the same sample with the other label
        make.row(3, False, "p", ""),  # empty
        make.row(4, False, "p", "word " * 60),  # a completion too long for 40 tokens
        make.row(5, True, "word " * 60, "a"),  # a prompt too long
    ]
    split = read_split(make.dataset(tmp_path / "data", rows), "train")
    encoded = encode(split, Encoder(tiny[1], 40))
    counts = encoded.counts
    assert counts["rows"] == {"train": 6, "desirable": 3, "undesirable": 3}
    assert counts["completions_truncated"] == {"desirable": 0, "undesirable": 1}
    assert counts["prompts_truncated"] == {"desirable": 1, "undesirable": 0}
    assert counts["empty_completions"] == {"desirable": 0, "undesirable": 1}
    assert counts["duplicates"] == 1
    assert counts["rows_with_both_labels"] == 3
    assert counts["distinct_prompts"] == 2
    first, *others, last = encoded.prompt_keys_N.tolist()
    assert others == [first] * 4
    assert last != first
    assert len(set(encoded.completion_keys_N[:3])) == 1
    assert len(set(encoded.completion_keys_N)) == 3
    assert max(len(item.prompt) + len(item.completion) for item in encoded.tokens) == 40
