"""The keys of a pipeline file."""

from typing import Any, Literal

from pydantic import Field

from kto_data.balance.options import BalanceOptions
from kto_data.config.validate import Options
from kto_data.config.yaml_file import YamlFile
from kto_data.curation.split import SplitOptions
from kto_data.errors import Mistake
from kto_data.labelers.decision_table import DecisionTable
from kto_data.pipeline.sections.evaluate import EvaluateOptions
from kto_data.pipeline.sections.gate import GateOptions
from kto_data.pipeline.sections.known import GoldColumns, GoldFile, TruthFile
from kto_data.pipeline.sections.label import LabelOptions, Share
from kto_data.pipeline.sections.rounds import RoundsOptions
from kto_data.readers import ReadEntry


class DemoLogOptions(Options):
    """A made-up production log, for trying things out: the input is made from the seed."""

    rows: int = Field(2400, ge=100, le=1_000_000)
    """Readable rows of the log."""


class Limits(Options):
    """Shares past which a run fails: bad input never stops good input, but too much of it is a fault of its own."""

    quarantined: Share = 0.01
    """Unreadable records, as a share of all records."""
    faults: Share = 0.05
    """Rows on which one labeler failed, as a share of the rows."""


class PipelineFile(Options):
    """A pipeline file."""

    version: Literal[1]
    """The version of this format."""
    name: str = Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")
    """The name of the run folder: letters, digits, dots, dashes."""
    description: str = ""
    """What it is for; for readers."""
    seed: int = Field(0, ge=0, lt=2**63)
    """Everything random follows from it."""
    demo_log: DemoLogOptions | None = None
    """Make a log and read it, instead of `read`."""
    read: list[ReadEntry] = []
    """The input files."""
    truth: TruthFile | DecisionTable | None = None
    """What is known to be right. No labeler sees it: labels are compared with it, and held-out rows judged by it."""
    gold: GoldFile | GoldColumns | None = None
    """Samples whose label is known to be right: they decide, and the aggregation learns from them."""
    prepare: list[Any] = []
    """Steps before anything is labelled."""
    label: LabelOptions
    aggregate: dict[str, Any] = {}
    """The method and its options, and the policy."""
    curate: list[Any] = []
    """Steps after labels are known."""
    split: SplitOptions = SplitOptions()
    balance: BalanceOptions = BalanceOptions()
    tests: list[Any] = []
    """What must hold of the rows before they are written: [{balance: {between: [0.2, 0.8]}}, no_pii]."""
    train: dict[str, Any] | None = None
    """The trainer's options; without this key the run ends with the dataset."""
    evaluate: EvaluateOptions | None = None
    """How the trained model is judged; without this key it is not."""
    gate: GateOptions | None = None
    """Limits on the figures of `evaluate`: {auc: {min: 0.6}}; a broken one ends the run with exit code 1."""
    rounds: RoundsOptions = RoundsOptions()
    """Train, let the model answer, label its answers, train on: {n: 3}; `kto run --rounds N` sets n."""
    limits: Limits = Limits()


def keys_that_do_not_go_together(data: dict[str, Any], file: YamlFile) -> list[Mistake]:
    """Return a mistake for each key that another one makes meaningless."""
    mistakes: list[Mistake] = []
    if data and bool(data.get("read")) == (data.get("demo_log") is not None):
        key = ("demo_log",) if "demo_log" in data else ("read",) if "read" in data else ()
        mistakes.append(
            file.mistake(key, "one input is needed: `read` (your files) or `demo_log` (a made-up log)")
        )
    if data.get("demo_log") is not None and data.get("truth") is not None:
        mistakes.append(file.mistake(("truth",), "a demo_log brings its own truth; leave `truth` out"))
    split = data.get("split")
    if isinstance(split, dict) and split.get("test") == 1 and data.get("train") is not None:
        mistakes.append(
            file.mistake(
                ("split", "test"), "holds out everything, so `train` has nothing to train on; lower it"
            )
        )
    if data.get("evaluate") is not None and data.get("train") is None:
        mistakes.append(
            file.mistake(("evaluate",), "`evaluate` needs `train`: there is no model to evaluate")
        )
    if data.get("rounds") is not None and data.get("train") is None:
        mistakes.append(file.mistake(("rounds",), "`rounds` needs `train`: there is no model to answer"))
    if data.get("gate") is not None and data.get("evaluate") is None:
        mistakes.append(file.mistake(("gate",), "`gate` needs `evaluate`: there are no figures to limit"))
    return mistakes
