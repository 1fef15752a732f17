"""Vote tables: small ones written as people would, large ones drawn from known parameters."""

from types import SimpleNamespace

import numpy as np
import pytest

from kto_data.votes.labelers import Labeler
from kto_data.votes.table import VoteTable


@pytest.fixture
def make_votes():
    def make(samples, **labelers):
        """`samples` is a list of {labeler: votes}, votes such as "+", "-" or "++-"; `labelers` their attributes."""
        names = sorted({name for sample in samples for name in sample} | set(labelers))
        known = [Labeler(name, "1", **{"kind": "rule", **labelers.get(name, {})}) for name in names]
        entries = [
            (s, names.index(name), votes.count("+"), votes.count("-"))
            for s, sample in enumerate(samples)
            for name, votes in sample.items()
        ]
        arrays = np.array(entries, dtype=np.int64).reshape(-1, 4).T
        return VoteTable([f"s{s}" for s in range(len(samples))], known, *arrays)

    return make


def _table_of(votes_NM, **labelers):
    """Return a table of votes +1, -1 and 0 (silent); `labelers` are attributes by labeler number, as `m3={...}`."""
    sample_V, labeler_V = np.nonzero(votes_NM)
    vote_V = votes_NM[sample_V, labeler_V]
    n_samples, n_labelers = votes_NM.shape
    known = [
        Labeler(f"m{m}", "1", **{"kind": "rule", **labelers.get(f"m{m}", {})}) for m in range(n_labelers)
    ]
    return VoteTable(
        [f"s{n:06}" for n in range(n_samples)],
        known,
        sample_V,
        labeler_V.astype(np.int32),
        (vote_V > 0).astype(np.int32),
        (vote_V < 0).astype(np.int32),
    )


def _labels(rng, n, share=0.6):
    return rng.random(n) < share


def _two_sided(rng, y_N, coverage, right_on_desirable, right_on_undesirable):
    right_N = rng.random(len(y_N)) < np.where(y_N, right_on_desirable, right_on_undesirable)
    return np.where(rng.random(len(y_N)) < coverage, np.where(y_N == right_N, 1, -1), 0)


def _one_sided(rng, y_N, says, rate_if_right, rate_if_wrong):
    """Return a labeler that says one thing only, at these rates on samples where that is right and wrong."""
    rate_N = np.where(y_N == (says > 0), rate_if_right, rate_if_wrong)
    return np.where(rng.random(len(y_N)) < rate_N, says, 0)


def _accuracy(p_N, y_N):
    """Return the share of samples with votes that are on the right side of 0.5."""
    voted_N = ~np.isnan(p_N)
    return float(((p_N > 0.5) == y_N)[voted_N].mean())


def _log_loss(p_N, y_N):
    p_N = np.clip(p_N, 1e-9, 1 - 1e-9)
    return float(-np.log(np.where(y_N, p_N, 1 - p_N)).mean())


@pytest.fixture(scope="session")
def made():
    """Draw votes from known parameters, and score what is made of them."""
    return SimpleNamespace(
        accuracy=_accuracy,
        labels=_labels,
        log_loss=_log_loss,
        one_sided=_one_sided,
        table_of=_table_of,
        two_sided=_two_sided,
    )
