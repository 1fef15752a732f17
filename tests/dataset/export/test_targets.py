"""Each trainer's format, against its documentation."""

import json
import re

import pyarrow.parquet as pq
import pytest
from ruamel.yaml import YAML

from kto_data.dataset.export.target import TARGETS


def yaml(text):
    return YAML(typ="safe").load(text)


def test_llamafactory_takes_messages_with_a_tag_and_names_them_in_dataset_info(exported, chats):
    _, out = exported("llamafactory", chats, stated=(1.0, 2.0), model="m")
    records = json.loads((out / "train.json").read_text())
    assert len(records) == 10
    assert records[0] == {"messages": [{"role": "user", "content": "question 0"}, {"role": "assistant", "content": "answer 0"}],
                          "label": False}  # fmt: skip
    info = json.loads((out / "dataset_info.json").read_text())["my-data_train"]
    assert info["file_name"] == "train.json"
    assert info["formatting"] == "sharegpt"
    assert info["columns"] == {"messages": "messages", "kto_tag": "label"}
    assert {info["tags"][tag] for tag in ("role_tag", "content_tag", "user_tag", "assistant_tag", "system_tag")} == {
        "role", "content", "user", "assistant", "system",
    }  # fmt: skip
    settings = yaml((out / "kto.yaml").read_text())
    assert (settings["stage"], settings["dataset"], settings["model_name_or_path"]) == (
        "kto",
        "my-data_train",
        "m",
    )
    assert (settings["kto_chosen_weight"], settings["kto_rejected_weight"]) == (1.0, 2.0)


def test_axolotl_takes_chatml_with_earlier_turns_inside_the_prompt(exported, chats):
    _, out = exported("axolotl", chats, stated=(1.0, 2.0))
    records = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert records[0] == {"system": "", "prompt": "question 0", "completion": "answer 0", "label": False}
    turns = records[1]
    # what the strategy chatml.ultra writes around it
    rendered = (
        f"<|im_start|>system\n{turns['system']}<|im_end|>\n<|im_start|>user\n{turns['prompt']}<|im_end|>\n<|im_start|>assistant\n"
        f"{turns['completion']}<|im_end|>"
    )
    assert re.findall(r"<\|im_start\|>(\w+)\n(.*?)<\|im_end\|>", rendered) == [
        ("system", "Be brief."), ("user", "first"), ("assistant", "second"), ("user", "third"), ("assistant", "answer 1"),
    ]  # fmt: skip
    settings = yaml((out / "kto.yaml").read_text())
    assert (settings["rl"], settings["datasets"][0]["type"]) == ("kto", "chatml.ultra")
    assert (settings["kto_desirable_weight"], settings["kto_undesirable_weight"]) == (1, 2)


def test_ms_swift_takes_messages_and_a_label(exported, chats):
    _, out = exported("ms-swift", chats, stated=(1.0, 2.0))
    records = [json.loads(line) for line in (out / "train.jsonl").read_text().splitlines()]
    assert [message["role"] for message in records[1]["messages"]] == [
        "system",
        "user",
        "assistant",
        "user",
        "assistant",
    ]
    assert records[1]["label"] is True
    settings = json.loads((out / "kto.json").read_text())
    assert (settings["rlhf_type"], settings["dataset"], settings["val_dataset"]) == (
        "kto",
        ["train.jsonl"],
        ["test.jsonl"],
    )
    assert (settings["desirable_weight"], settings["undesirable_weight"]) == (1.0, 2.0)


def test_halos_takes_binary_feedback(exported, chats):
    _, out = exported("halos", chats, stated=(1.0, 2.0))
    [first, *_] = records = json.loads((out / "train.json").read_text())
    # what get_feedback of HALOs' train/dataloader.py reads
    assert {(one["type"], one["split"]) for one in records} == {("binary_feedback", "train")}
    assert (first["label"], first["reward"]) == (0, 0.0)
    assert first["prompt"] == [{"role": "user", "content": "question 0"}]
    assert first["output"] == [{"role": "assistant", "content": "answer 0"}]
    assert json.loads((out / "test.json").read_text())[0]["split"] == "test"
    script = (out / "kto.sh").read_text()
    assert "loss=kto" in script
    assert "++loss.undesirable_weight=2 " in script


def test_trl_takes_prompt_completion_and_label(exported, chats):
    _, out = exported("trl", chats, stated=(1.0, 2.0))
    table = pq.read_table(out / "data" / "train.parquet")
    assert table.column_names == ["prompt", "completion", "label"]
    assert table["label"].to_pylist() == [n % 3 != 0 for n in range(10)]
    settings = yaml((out / "kto.yaml").read_text())
    assert (settings["dataset_name"], settings["undesirable_weight"]) == ("data", 2.0)


@pytest.mark.parametrize("to", list(TARGETS))
def test_the_same_rows_can_be_read_back(exported, chats, to, tmp_path):
    from kto_data.dataset.foreign.opened import open_dataset

    done, out = exported(to, chats)
    again = tmp_path / "again"
    again.mkdir()
    opened = open_dataset(str(out), again)
    assert opened.n_rows == done.n_rows == {"train": 10, "test": 2}
    assert not opened.problems
