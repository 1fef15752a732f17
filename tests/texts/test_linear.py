"""Logistic regression on sparse vectors."""

import numpy as np
import pytest
from scipy.sparse import csr_array

from kto_data.texts.linear import fit, predict


def test_the_fit_is_where_the_gradient_is_zero():
    rng = np.random.default_rng(1)
    x = csr_array(rng.normal(size=(60, 4)) * (rng.random((60, 4)) < 0.5))
    y = rng.random(60) < 0.3
    w, intercept = fit(x, y, penalty=0.5)
    p = predict(x, (w, intercept))
    weight = np.where(y, 60 / (2 * y.sum()), 60 / (2 * (~y).sum()))
    residual = weight * (p - y)
    assert x.T @ residual + 0.5 * w == pytest.approx(np.zeros(4), abs=1e-3)
    assert residual.sum() == pytest.approx(0, abs=1e-3)
