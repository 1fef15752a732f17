"""A stage's whole course in arrays: which rows meet in which batch, and which completions their prompts meet.

8 bytes a row and epoch. Shapes: N rows; J rows over all epochs, in the order of training; K steps.
"""

from dataclasses import dataclass

import numpy as np

from kto_trainer.audit import EncodedRows
from kto_trainer.batching import epoch_batches
from kto_trainer.encoding import Encoder, Tokens
from kto_trainer.options import TrainOptions
from kto_trainer.pairing import mismatched_pairs
from kto_trainer.sequences import Hashes, ids_hash
from kto_trainer.streams import KTO_ORDER, PAIRS, stream

EVALUATION_BLOCK = 64  # rows whose completions are exchanged among them


@dataclass(slots=True)
class Tally:
    """What the KTO stage met on its way."""

    n_pairs: int = 0
    n_fallbacks: int = 0
    n_single_class_batches: int = 0
    n_reference_computed: int = 0
    n_reference_cached: int = 0


@dataclass(frozen=True, slots=True, eq=False)
class Plan:
    """All epochs' batches in order: step k has the rows rows_J[starts[k]:starts[k + 1]].

    `partners_J` are the rows whose completions their prompts meet in the KL estimate; empty where none is made.
    """

    rows_J: np.ndarray
    partners_J: np.ndarray
    starts: np.ndarray
    n_epochs: int

    def __len__(self) -> int:
        return len(self.starts) - 1

    def epoch(self, step: int) -> int:
        """The epoch of a step, from 1."""
        return step * self.n_epochs // len(self) + 1

    def ends_epoch(self, step: int) -> bool:
        """Whether a step is the last of its epoch."""
        return self.epoch(step) != self.epoch(step + 1)


def make_plan(
    encoded: EncodedRows,
    labels_N: np.ndarray,
    options: TrainOptions,
    tally: Tally,
    *,
    needs_pairs: bool = True,
) -> Plan:
    """All epochs' batches, each with a fresh derangement of its own completions; counts into `tally`."""
    order, pairs = stream(options.seed, KTO_ORDER), stream(options.seed, PAIRS)
    assert options.epochs is not None
    rows, partners, sizes = [], [], []
    for _ in range(options.epochs):
        for batch in epoch_batches(labels_N, encoded.prompt_keys_N, options.batch_size, order):
            tally.n_single_class_batches += len(set(labels_N[batch].tolist())) == 1
            sizes.append(len(batch))
            rows.append(batch)
            if needs_pairs:
                pairing = mismatched_pairs(
                    encoded.prompt_keys_N[batch], encoded.completion_keys_N[batch], pairs
                )
                partners.append(batch[pairing.partner])
                tally.n_pairs += len(batch)
                tally.n_fallbacks += pairing.n_fallbacks
    none = np.empty(0, np.int32)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    return Plan(np.concatenate(rows), np.concatenate(partners) if partners else none, starts, options.epochs)


def fixed_plan(encoded: EncodedRows, tally: Tally, *, needs_pairs: bool = True) -> Plan:
    """Each row once with a pair that is always the same: evaluations of any batch size, and of any day, agree.

    Pairs are deranged within blocks of rows that follow each other by row_id, with a generator of their own.
    """
    rows_N = np.arange(len(encoded), dtype=np.int32)
    blocks = np.array_split(rows_N, max(1, len(rows_N) // EVALUATION_BLOCK))
    generator, partners = stream(0, PAIRS), []
    for block in blocks if needs_pairs else []:
        keys = encoded.prompt_keys_N[block], encoded.completion_keys_N[block]
        pairing = mismatched_pairs(*keys, generator)
        partners.append(block[pairing.partner])
        tally.n_pairs += len(block)
        tally.n_fallbacks += pairing.n_fallbacks
    partners_N = np.concatenate(partners) if partners else rows_N[:0]
    return Plan(rows_N, partners_N, np.array([0, len(rows_N)]), 1)


@dataclass(frozen=True, slots=True, eq=False)
class RunSequences:
    """Every sequence that a run asks about: the N rows, then the J pairs of prompts and other rows' completions."""

    encoded: EncodedRows
    encoder: Encoder
    plan: Plan

    def __len__(self) -> int:
        return len(self.encoded) + len(self.plan.partners_J)

    def __getitem__(self, number: int, /) -> Tokens:
        at = number - len(self.encoded)
        if at < 0:
            return self.encoded.tokens[number]
        own = self.encoded.tokens[int(self.plan.rows_J[at])]
        other = self.encoded.tokens[int(self.plan.partners_J[at])]
        return self.encoder.fit(own._replace(completion=other.completion)).tokens

    def hashes(self) -> Hashes:
        """See `Sequences`. Those of pairs are made of the rows' own, but where a pair is too long and cut."""
        prompts, completions, lengths = self.encoded.tokens.hashes()
        if not len(self.plan.partners_J):
            return Hashes(prompts, completions, lengths)
        index_N = self.encoded.tokens.index_N
        rows_J, partners_J = self.plan.rows_J, self.plan.partners_J
        lengths_J = index_N["prompt"][rows_J] + index_N["completion"][partners_J]
        prompts_J2, completions_J2 = prompts[rows_J], completions[partners_J]
        for at in np.flatnonzero(lengths_J > self.encoder.max_length).tolist():
            cut = self[len(self.encoded) + at]
            prompts_J2[at], completions_J2[at] = ids_hash(cut.prompt), ids_hash(cut.completion)
            lengths_J[at] = len(cut.prompt) + len(cut.completion)
        return Hashes(
            np.concatenate([prompts, prompts_J2]),
            np.concatenate([completions, completions_J2]),
            np.concatenate([lengths, lengths_J]),
        )
