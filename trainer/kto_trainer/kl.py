"""How far a model went from its reference, on its own answers.

Shapes: N answers of a batch, L tokens of the longest of them, V tokens of the vocabulary.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from kto_trainer.generate import pad_left
from kto_trainer.model import Machine

MAX_LOGITS = 2**25
"""Logits of one model that are in memory at a time, unless a single answer has more: 128 MiB in float32."""


@torch.no_grad()
def answers_kl(
    model: Any,
    reference: Any,
    prompts: Sequence[list[int]],
    answers: Sequence[list[int]],
    pad: int,
    computer: Machine,
) -> list[float]:
    """The KL divergence of each answer from the reference, in nats, at least 0; in the order given.

    For an answer y to x it is the sum over t of KL(model(. | x, y_<t) || reference(. | x, y_<t)), each over the
    whole vocabulary. Its mean over answers that the model draws at temperature 1 is an unbiased estimate of
    KL(model || reference), with less variance than the mean log-ratio (A. Amini, T. Vieira and R. Cotterell (2025),
    Better estimation of the Kullback-Leibler divergence between language models, arXiv 2504.10637, the
    Rao-Blackwellised estimator). At another temperature it is the divergence along the answers that are given there.

    Args:
        model: The model that wrote the answers.
        reference: The model that it was trained from; of the same tokens.
        prompts: At least one token each.
        answers: At least one token each, the stop token included.
        pad: Token to fill with; masked.
        computer: Device and arithmetic.
    """
    found = [0.0] * len(answers)
    n_tokens = model.config.get_text_config().vocab_size
    for members in _batches([len(answer) for answer in answers], n_tokens):
        longest = max(len(answers[i]) for i in members)
        ids, mask, positions = pad_left([prompts[i] + answers[i] for i in members], pad, computer.device)
        with computer.autocast():
            logits = [
                network(
                    input_ids=ids, attention_mask=mask, position_ids=positions, logits_to_keep=longest + 1
                ).logits[:, :-1]
                for network in (model, reference)
            ]
        kl_NL = _kl(*logits)
        for row, i in enumerate(members):
            found[i] = max(0.0, float(kl_NL[row, longest - len(answers[i]) :].sum()))
    return found


def _kl(logits_NLV: Tensor, reference_NLV: Tensor) -> Tensor:
    logp_NLV, logq_NLV = logits_NLV.float().log_softmax(-1), reference_NLV.float().log_softmax(-1)
    return (logp_NLV.exp() * (logp_NLV - logq_NLV)).sum(-1).double()


def _batches(lengths: Sequence[int], n_tokens: int) -> Iterator[list[int]]:
    """Groups of answers of about equal length whose logits fit."""
    members: list[int] = []
    for i in sorted(range(len(lengths)), key=lambda i: lengths[i]):
        if members and (len(members) + 1) * (lengths[i] + 1) * n_tokens > MAX_LOGITS:
            yield members
            members = []
        members.append(i)
    if members:
        yield members
