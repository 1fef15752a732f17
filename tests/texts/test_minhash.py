"""Bands of min-hash signatures."""

import pytest

from kto_data.texts.minhash import MAX_MISSED, N_BINS, bands_for


@pytest.mark.parametrize("threshold", [0.05, 0.3, 0.5, 0.7, 0.8, 0.9, 0.99, 1.0])
def test_bands_fit_into_the_signature_and_miss_few_at_the_threshold(threshold):
    n_bands, n_rows = bands_for(threshold)
    assert n_bands * n_rows <= N_BINS
    assert n_rows == 1 or (1 - threshold**n_rows) ** n_bands <= MAX_MISSED
