"""The reference's log-probabilities of all sequences of a run, computed before the first step: no copy of it stays.

Before training the model is its own reference (with LoRA: with its adapters off), so one pass over the rows and over
all epochs' mismatched pairs gives every number that the loss will ask for. Shapes: S distinct sequences.
"""

from collections.abc import Callable, Iterator, Sequence

import torch
from torch import Tensor

from kto_trainer.encoding import Tokens
from kto_trainer.forward import Forward, Lead, PackedForward
from kto_trainer.head import token_logps
from kto_trainer.packing import bins, n_read

# Takes numbers of sequences and their tokens' log-probabilities as soon as they are known.
Take = Callable[[Sequence[int], Sequence[Tensor]], None]


def compute(forward: Forward, sequences: Sequence[Tokens], take: Take) -> None:
    """Log-probabilities of the sequences' completions under the model as it is, each token's; on the CPU.

    Sequences with the same prompt are run together where packing allows it: the prompt is read once, and each further
    completion builds on its keys and values.

    Args:
        forward: The model.
        sequences: S sequences; duplicates are computed once each.
        take: Called for every pass with the numbers of its sequences and one tensor for each.
    """
    if not isinstance(forward, PackedForward):
        for members in forward.limits.passes(sequences):
            chosen = [sequences[i] for i in members]
            take(members, _split(forward.token_logps(chosen), [len(item.completion) for item in chosen]))
        return
    with torch.no_grad():
        for group in _families(sequences, forward.limits.tokens, forward.limits.rows):
            leads = [family[0] for family in group]
            lead = forward.lead([sequences[i] for i in leads], keep=True)
            others = [(place, i) for place, family in enumerate(group) for i in family[1:]]
            _lead_logps(forward, lead, leads, take)
            sizes = [len(sequences[i].completion) - 1 for _, i in others]
            for members in bins(sizes, forward.limits.tokens, forward.limits.rows):
                numbers = [others[k][1] for k in members]
                pairs = [(others[k][0], sequences[others[k][1]].completion) for k in members]
                logps_M = forward.continuation_logps(lead, pairs)
                take(numbers, _split(logps_M, [len(completion) for _, completion in pairs]))


def _lead_logps(forward: PackedForward, lead: Lead, numbers: Sequence[int], take: Take) -> None:
    logps_M = token_logps(lead.hidden_MH, lead.targets_M, forward.head)
    take(numbers, _split(logps_M, lead.counts))


def _split(logps_M: Tensor, counts: Sequence[int]) -> list[Tensor]:
    return list(torch.split(logps_M.cpu(), list(counts)))


def _families(sequences: Sequence[Tokens], budget: int, rows: int | None) -> Iterator[list[list[int]]]:
    """Groups of families for one lead pass; a family is the numbers of sequences with one prompt, the longest first."""
    by_prompt: dict[tuple[int, ...], list[int]] = {}
    for number in sorted(range(len(sequences)), key=lambda i: -len(sequences[i].completion)):
        by_prompt.setdefault(tuple(sequences[number].prompt), []).append(number)
    families = list(by_prompt.values())
    for members in bins([n_read(sequences[family[0]]) for family in families], budget, rows):
        yield [families[k] for k in members]
