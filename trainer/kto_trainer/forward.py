"""Forward passes over sequences of any lengths: packed where the model can be, else padded.

Both kinds give the same numbers and share an interface: log-probabilities of scored tokens without gradients, and a
loss on them with its backward. Shapes: M scored tokens, H width, L layers.
"""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple, Protocol

import torch
from torch import Tensor

from kto_trainer.attention import KEYWORD, Segments
from kto_trainer.encoding import Tokens
from kto_trainer.head import Head, LossOf, scored_loss, token_logps
from kto_trainer.logps import padded_token_logps
from kto_trainer.model import Machine, recomputing
from kto_trainer.packing import bins, n_read, pack


@dataclass(frozen=True, slots=True)
class Limits:
    """The size of one pass: tokens that are read, and rows where `rows` is set."""

    tokens: int
    rows: int | None = None

    def passes(self, sequences: Sequence[Tokens]) -> list[list[int]]:
        """Numbers of the sequences of each pass."""
        return bins([n_read(item) for item in sequences], self.tokens, self.rows)


class Forward(Protocol):
    """What the training step, SFT and scoring need of a model."""

    model: Any
    machine: Machine
    limits: Limits
    dropouts: list[torch.nn.Dropout]  # active in passes with gradients alone
    layers: list[
        Any
    ]  # recompute their activations where a pass is over the limit; empty where the model cannot
    always_recompute: bool

    def token_logps(self, sequences: Sequence[Tokens]) -> Tensor:
        """Log-probabilities of all completions' tokens in one pass, sequence after sequence, [M]; no gradients."""
        ...

    def backward(self, sequences: Sequence[Tokens], loss_of: LossOf) -> tuple[Tensor, Tensor]:
        """One pass forward and backward: (loss, the tokens' log-probabilities [M]), both detached."""
        ...


class Lead(NamedTuple):
    """A pass that continuations can build on: hidden states of its scored tokens, its layers' keys and values."""

    hidden_MH: Tensor
    targets_M: Tensor
    counts: list[int]
    segments: Segments
    starts: list[int]  # of each sequence in the pass
    offsets: list[int]  # of each sequence's first scored token in hidden_MH
    prompts: list[int]  # length of each sequence's prompt


@dataclass(slots=True)
class PackedForward:
    """Sequences side by side in one row of tokens; nothing is padded."""

    model: Any
    head: Head
    machine: Machine
    limits: Limits
    kernel: str
    dropouts: list[torch.nn.Dropout] = field(default_factory=list)
    layers: list[Any] = field(default_factory=list)
    always_recompute: bool = False

    def token_logps(self, sequences: Sequence[Tokens]) -> Tensor:
        """See `Forward`."""
        with torch.no_grad():
            lead = self.lead(sequences, keep=False)
            return token_logps(lead.hidden_MH, lead.targets_M, self.head)

    def backward(self, sequences: Sequence[Tokens], loss_of: LossOf) -> tuple[Tensor, Tensor]:
        """See `Forward`."""
        with _active(self.dropouts):
            return self.finish(self.lead(sequences, keep=False), loss_of)

    def lead(self, sequences: Sequence[Tokens], *, keep: bool) -> Lead:
        """The backbone's pass over whole sequences, with the graph where gradients are on.

        Args:
            sequences: At least one.
            keep: Keep the layers' keys and values (detached) for `continuation_logps`.
        """
        packed = pack(sequences)
        segments = Segments(packed.lengths, self.kernel, keep=keep)
        with recomputing(_recomputed(self, len(packed.ids))):
            hidden_TH = self._backbone(packed.ids, packed.positions, segments)
        segments.keep = False  # a recomputing backward must not keep them again
        starts = _starts(packed.lengths)
        return Lead(
            hidden_TH[self._index(packed.scored)],
            self._index(packed.targets),
            packed.counts,
            segments,
            starts,
            _starts(packed.counts),
            [len(item.prompt) for item in sequences],
        )

    def finish(self, lead: Lead, loss_of: LossOf) -> tuple[Tensor, Tensor]:
        """The head, the loss and the backward of a lead pass: (loss, token log-probabilities), detached."""
        loss, logps_M = scored_loss(lead.hidden_MH, lead.targets_M, lead.counts, self.head, loss_of)
        loss.backward()  # type: ignore[no-untyped-call]  # torch publishes no type for it
        return loss.detach(), logps_M

    @torch.no_grad()
    def continuation_logps(self, lead: Lead, pairs: Sequence[tuple[int, list[int]]]) -> Tensor:
        """Log-probabilities of other completions to the lead's prompts, which are not read again; [M], no gradients.

        Args:
            lead: A pass with `keep`.
            pairs: Number of the lead's sequence whose prompt is taken, and the completion.
        """
        ids: list[int] = []
        positions: list[int] = []
        lengths: list[int] = []
        prefixes: list[tuple[int, int]] = []
        scored: list[int] = []  # in [the leads' first scored states | this pass's states]
        targets: list[int] = []
        for number, (row, completion) in enumerate(pairs):
            # The last token of a prompt predicts the first of any completion: its state is the lead's.
            scored.append(number)
            n, start = len(completion) - 1, len(ids)
            if n:
                ids.extend(completion[:-1])
                positions.extend(range(lead.prompts[row], lead.prompts[row] + n))
                lengths.append(n)
                prefixes.append((lead.starts[row], lead.prompts[row]))
                scored.extend(range(len(pairs) + start, len(pairs) + start + n))
            targets.extend(completion)
        first_NH = lead.hidden_MH.detach()[self._index([lead.offsets[row] for row, _ in pairs])]
        states = [first_NH]
        if ids:
            segments = Segments(lengths, self.kernel, prefixes=prefixes, source=lead.segments.kept)
            states.append(self._backbone(ids, positions, segments))
        hidden_MH = torch.cat(states)[self._index(scored)]
        return token_logps(hidden_MH, self._index(targets), self.head)

    def _backbone(self, ids: list[int], positions: list[int], segments: Segments) -> Tensor:
        with self.machine.autocast():
            out = self.model.base_model(
                input_ids=self._index(ids)[None],
                position_ids=self._index(positions)[None],
                use_cache=False,
                **{KEYWORD: segments},
            )
        hidden_TH: Tensor = out.last_hidden_state[0]
        return hidden_TH

    def _index(self, numbers: Sequence[int]) -> Tensor:
        return torch.tensor(numbers, dtype=torch.long).to(self.machine.device, non_blocking=True)


@dataclass(slots=True)
class PaddedForward:
    """Sequences below each other, filled up on the right: for models that carry state across packed segments."""

    model: Any
    machine: Machine
    limits: Limits
    pad: int
    dropouts: list[torch.nn.Dropout] = field(default_factory=list)
    layers: list[Any] = field(default_factory=list)
    always_recompute: bool = False

    def token_logps(self, sequences: Sequence[Tokens]) -> Tensor:
        """See `Forward`."""
        with torch.no_grad():
            return padded_token_logps(self.model, sequences, self.pad, self.machine)

    def backward(self, sequences: Sequence[Tokens], loss_of: LossOf) -> tuple[Tensor, Tensor]:
        """See `Forward`."""
        n_tokens = len(sequences) * max(n_read(item) for item in sequences)
        with _active(self.dropouts), recomputing(_recomputed(self, n_tokens)):
            logps_M = padded_token_logps(self.model, sequences, self.pad, self.machine)
            loss = loss_of(logps_M, 0, len(sequences))
            loss.backward()  # type: ignore[no-untyped-call]  # torch publishes no type for it
        return loss.detach(), logps_M.detach()


def _recomputed(forward: Forward, n_tokens: int) -> list[Any]:
    """The layers that recompute in a pass of so many tokens: none where it has no backward, or is within the limit."""
    asked = forward.always_recompute or n_tokens > forward.limits.tokens
    return forward.layers if asked and torch.is_grad_enabled() else []


@contextmanager
def _active(dropouts: Sequence[torch.nn.Dropout]) -> Iterator[None]:
    for layer in dropouts:
        layer.train()
    try:
        yield
    finally:
        for layer in dropouts:
            layer.eval()


def _starts(lengths: Sequence[int]) -> list[int]:
    starts, at = [], 0
    for length in lengths:
        starts.append(at)
        at += length
    return starts


def row_numbers(counts: Sequence[int], device: torch.device) -> Tensor:
    """The sequence that each scored token belongs to; shape [M].

    Example:
        >>> row_numbers([2, 1], torch.device("cpu"))
        tensor([0, 0, 1])
    """
    return torch.repeat_interleave(torch.tensor(counts)).to(device, non_blocking=True)


def sums(logps_M: Tensor, counts: Sequence[int]) -> Tensor:
    """Sums over each sequence's tokens; shape [B]."""
    row_M = row_numbers(counts, logps_M.device)
    return torch.zeros(len(counts), dtype=logps_M.dtype, device=logps_M.device).index_add(0, row_M, logps_M)
