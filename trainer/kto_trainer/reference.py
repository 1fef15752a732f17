"""Log-probabilities of many sequences under a model as it is, without gradients: the reference's, and a score's.

Before training the model is its own reference (with LoRA: with its adapters off), so one pass over the rows and over
all epochs' mismatched pairs gives every number that the loss will ask for: no copy of the model stays.
"""

from collections.abc import Iterator, Sequence

import torch
from torch import Tensor

from kto_trainer.encoding import Tokens
from kto_trainer.forward import Forward, PackedForward
from kto_trainer.head import token_logps
from kto_trainer.packing import bins, n_read
from kto_trainer.ranks import Ranks


@torch.no_grad()
def compute(forward: Forward, sequences: Sequence[Tokens], ranks: Ranks = Ranks()) -> list[Tensor]:  # noqa: B008  # frozen
    """The log-probabilities of each sequence's completion under the model as it is, token by token; on the CPU.

    Sequences with the same prompt are run together where packing allows it: the prompt is read once, and each further
    completion builds on its keys and values. Nothing is fetched from the device before everything is on its way.

    Args:
        forward: The model.
        sequences: As many as may be in memory at a time.
        ranks: The processes, each with sequences of its own.
    """
    order: list[int] = []
    parts: list[Tensor] = []
    for numbers, logps_M in _passes(forward, sequences, ranks):
        order += numbers
        parts.append(logps_M)
    counts = [len(sequences[i].completion) for i in order]
    found = torch.split(torch.cat(parts).cpu(), counts) if parts else ()
    by_number = dict(zip(order, found, strict=True))
    return [by_number[i] for i in range(len(sequences))]


def _passes(
    forward: Forward, sequences: Sequence[Tokens], ranks: Ranks
) -> Iterator[tuple[list[int], Tensor]]:
    """Numbers of sequences and the log-probabilities of their completions' tokens, pass by pass."""
    limits = forward.limits
    if not isinstance(forward, PackedForward):
        for members in ranks.even(limits.passes(sequences)):
            yield members, forward.token_logps([sequences[i] for i in members])
        return
    for group in _families(sequences, limits.tokens, limits.rows):
        leads = [family[0] for family in group]
        others = [(place, i) for place, family in enumerate(group) for i in family[1:]]
        lead = forward.lead([sequences[i] for i in leads], keep=bool(others))
        yield leads, token_logps(lead.hidden_MH, lead.targets_M, forward.head)
        sizes = [len(sequences[i].completion) - 1 for _, i in others]
        for members in bins(sizes, limits.tokens, limits.rows):
            pairs = [(others[k][0], sequences[others[k][1]].completion) for k in members]
            yield [others[k][1] for k in members], forward.continuation_logps(lead, pairs)
        del lead  # before the next one is made: two would take twice the memory


def _families(sequences: Sequence[Tokens], budget: int, rows: int | None) -> Iterator[list[list[int]]]:
    """Groups of families for one lead pass; a family is the numbers of sequences with one prompt, the longest first."""
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for number in sorted(range(len(sequences)), key=lambda i: -len(sequences[i].completion)):
        by_prompt.setdefault(tuple(sequences[number].prompt), []).append(number)
    families = list(by_prompt.values())
    for members in bins([n_read(sequences[family[0]]) for family in families], budget, rows):
        yield [families[k] for k in members]
