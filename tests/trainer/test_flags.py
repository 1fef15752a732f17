import pytest
from kto_trainer.cli import make_parser
from kto_trainer.errors import TrainerError
from kto_trainer.flags import flags, read_options
from kto_trainer.options import ScoreOptions, TrainOptions


def options(*arguments):
    parsed = make_parser().parse_args(["train", "--data", "d", "--output", "o", *map(str, arguments)])
    return read_options(TrainOptions, parsed)


def test_every_option_is_a_flag():
    assert {"--learning-rate", "--sft-epochs", "--tiny-hidden-size", "--shuffle-labels"} <= {
        flag.name for flag in flags(TrainOptions)
    }
    with pytest.raises(SystemExit) as caught:
        make_parser().parse_args(["train", "--help"])
    assert caught.value.code == 0


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("train.yaml", "epochs: 4\nbeta: 0.2\nsft:\n  epochs: 3\n"),
        ("train.json", '{"epochs": 4, "beta": 0.2, "sft": {"epochs": 3}}'),
    ],
)
def test_flags_win_over_the_config_file_which_wins_over_defaults(tmp_path, name, text):
    (tmp_path / name).write_text(text)
    found = options(
        "--config", tmp_path / name, "--beta", "0.3", "--sft-rows", "desirable", "--shuffle-labels"
    )
    assert (found.epochs, found.beta, found.batch_size) == (4, 0.3, 32)
    assert (found.sft.epochs, found.sft.rows, found.shuffle_labels) == (3, "desirable", True)


@pytest.mark.parametrize(
    ("text", "flags_given", "messages"),
    [
        ("epoch: 1\nbeta: -1\n", (), ["epoch: unknown option; did you mean epochs?", "beta: -1: "]),
        ("sft: {epoch: 1}\n", (), ["sft.epoch: unknown option; did you mean sft.epochs?"]),
        ("", ("--beta", "much"), ["--beta: 'much': "]),
        ("sft: 3\n", ("--sft-epochs", "1"), ["sft: 3: "]),
        ("- 1\n", (), ["holds a list, not a mapping"]),
        ("a: [1\nb: 2\n", (), ["train.yaml:2: not valid YAML"]),
        ("!!python/object:os.system x\n", (), ["not valid YAML"]),
    ],
)
def test_every_mistake_is_named_at_once_with_its_place(tmp_path, text, flags_given, messages):
    (tmp_path / "train.yaml").write_text(text)
    with pytest.raises(TrainerError) as caught:
        options("--config", tmp_path / "train.yaml", *flags_given)
    for message in messages:
        assert message in str(caught.value)


def test_every_command_takes_a_config_file(tmp_path):
    (tmp_path / "score.yaml").write_text("beta: 0.4\nbatch_size: 3\n")
    arguments = ["--data", "d", "--model", "m", "--reference", "r", "--output", "o", "--beta", "0.5"]
    parsed = make_parser().parse_args(["score", *arguments, "--config", str(tmp_path / "score.yaml")])
    found = read_options(ScoreOptions, parsed)
    assert (found.beta, found.batch_size) == (0.5, 3)


def test_a_missing_config_file_is_named():
    with pytest.raises(TrainerError, match=r"absent\.yaml: the config file cannot be read"):
        options("--config", "absent.yaml")
