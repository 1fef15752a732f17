"""When a run saves where it stands, and how it is put back there."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch

from kto_trainer.optimizer import Optimizer
from kto_trainer.options import TrainOptions
from kto_trainer.output import LOG, STATES, NoLog, StepLog, partial
from kto_trainer.ranks import Ranks, is_sharded, local
from kto_trainer.resume import refuse_changes
from kto_trainer.states import State, close_state, newest_whole, prune, rank_file, read_tensors, write_tensors


def find_state(
    output: Path, identity: Mapping[str, Any], ranks: Ranks, say: Callable[[str], None]
) -> State | None:
    """The newest whole state of an output folder, the same in every process; None where there is none.

    Raises:
        TrainerError: It belongs to other options, other data, another model or number of processes.
    """
    found: tuple[State | None, list[str]] = (None, [])
    if ranks.number == 0:
        log = output / LOG
        if log.is_file():  # the run was killed after its last step
            log.replace(partial(log))
        found = newest_whole(output / STATES, partial(log))
    state, passed = ranks.gather(found)[0]
    for reason in passed:
        say(reason)
    if state is None:
        say(f"{output}: no checkpoint to resume from; the training starts at its beginning")
        return None
    refuse_changes(output, state.identity, identity)
    say(f"resumes after {state.stage} step {state.step}")
    return State(*state)


class Checkpoints:
    """Saves the state of a run every `save_steps` steps and at epochs' ends, and restores it.

    The last step of a stage needs none: what follows writes the model itself.
    """

    def __init__(
        self,
        output: Path | None,
        options: TrainOptions,
        ranks: Ranks,
        identity: Mapping[str, Any],
        log: StepLog | NoLog,
        state: State | None,
    ) -> None:
        self._folder = None if output is None else output / STATES
        self._every = options.save_steps
        self._keep = options.save_total_limit
        self._ranks = ranks
        self._identity = dict(identity)
        self._log = log
        self._state = state

    @classmethod
    def none(cls) -> "Checkpoints":
        """One that neither saves nor restores."""
        return cls(None, TrainOptions(), Ranks(), {}, NoLog(), None)

    def is_past(self, stage: str) -> bool:
        """Whether the run that is resumed had left a stage behind."""
        return self._state is not None and stage == "sft" and self._state.stage == "kto"

    def restore(self, stage: str, model: Any, optimizer: Optimizer) -> tuple[int, dict[str, Any]]:
        """Put weights, optimiser and random numbers where they were: (steps done, notes); (0, {}) in a new run."""
        state = self._state
        if state is None or state.stage != stage or not state.step:
            return 0, {}
        own = self._put(state.folder, model)
        optimizer.load(own["optimizer"])
        torch.set_rng_state(own["random"]["cpu"])
        if "cuda" in own["random"]:
            torch.cuda.set_rng_state(own["random"]["cuda"])
        return state.step, state.notes

    def _put(self, folder: Path, model: Any) -> dict[str, Any]:
        own = read_tensors(folder / rank_file(self._ranks.number))
        put_weights(model, own["weights"])
        if self._ranks.number:  # what is not sharded is in the first process's file
            put_weights(model, read_tensors(folder / rank_file(0))["weights"], sharded=False)
        return own

    def after_step(
        self,
        stage: str,
        step: int,
        n_steps: int,
        model: Any,
        optimizer: Optimizer,
        *,
        epoch_ends: bool,
        flush: Callable[[], None],
        notes: Callable[[], dict[str, Any]] = dict,
    ) -> None:
        """Save if it is time to.

        Args:
            stage: `sft` or `kto`.
            step: Steps of the stage that are done.
            n_steps: All steps of the stage.
            model: The model.
            optimizer: The stage's optimiser.
            epoch_ends: Whether this step was the last of an epoch.
            flush: Brings the log up to this step.
            notes: What the stage wants back from `restore`; JSON.
        """
        due = epoch_ends or (self._every is not None and step % self._every == 0)
        if self._folder is None or not due or step >= n_steps:
            return
        flush()
        self.save(stage, step, model, optimizer, notes())

    def save_best(self, step: int, model: Any) -> None:
        """Keep the weights of the best evaluation so far."""
        self._write(State(self._place("best", step), "best", step, 0, {}, {}), model, None)

    def restore_best(self, step: int, model: Any) -> None:
        """Put the weights where they were at the best evaluation."""
        self._put(self._place("best", step), model)

    def _place(self, stage: str, step: int) -> Path:
        assert self._folder is not None, "early stopping needs a folder to keep the best weights in"
        return self._folder / f"{stage}-{step:08d}"

    def save(
        self, stage: str, step: int, model: Any, optimizer: Optimizer | None, notes: dict[str, Any]
    ) -> None:
        """Save where the run stands; without an optimiser nothing but that (the stage is yet to begin)."""
        if self._folder is None:
            return
        place = self._place(stage, step)
        state = State(place, stage, step, self._log.sync(), notes, self._identity)
        self._write(state, model, optimizer)

    def _write(self, state: State, model: Any, optimizer: Optimizer | None) -> None:
        temporary = partial(state.folder)
        if self._ranks.number == 0:
            prune(state.folder.parent, self._keep)
            temporary.mkdir(parents=True)
        self._ranks.barrier()
        if optimizer is not None or state.stage == "best":
            content: dict[str, Any] = {"weights": kept_weights(model, self._ranks.number)}
            if optimizer is not None:
                content |= {"optimizer": optimizer.state(), "random": _random_state(optimizer.device)}
            write_tensors(temporary / rank_file(self._ranks.number), content)
        self._ranks.barrier()
        if self._ranks.number == 0:
            close_state(temporary, state)
            prune(state.folder.parent, self._keep)
        self._ranks.barrier()


def kept_weights(model: Any, rank: int) -> dict[str, torch.Tensor]:
    """The trained weights that a process saves: its share of sharded ones; of others the first process saves all."""
    trained = [(name, value) for name, value in model.named_parameters() if value.requires_grad]
    return {name: local(value).detach() for name, value in trained if rank == 0 or is_sharded(value)}


@torch.no_grad()
def put_weights(model: Any, weights: Mapping[str, torch.Tensor], *, sharded: bool = True) -> None:
    """Copy weights into the model's parameters of the same names; where these are `sharded`, this process's shares."""
    for name, value in model.named_parameters():
        if name in weights and (sharded or not is_sharded(value)):
            local(value).copy_(weights[name])


def _random_state(device: torch.device) -> dict[str, torch.Tensor]:
    state = {"cpu": torch.get_rng_state()}
    if device.type == "cuda":
        state["cuda"] = torch.cuda.get_rng_state(device)
    return state
