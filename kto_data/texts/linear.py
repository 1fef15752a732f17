"""Logistic regression on sparse vectors, for as many columns as one likes."""

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array

Floats = npt.NDArray[np.float64]


def fit(x_ND: csr_array, y_N: npt.NDArray[np.bool_], *, penalty: float = 1.0) -> tuple[Floats, float]:
    """Return the coefficients and the intercept that minimise the log loss plus penalty/2 |w|^2.

    Each class counts as much as the other, however many rows it has. L-BFGS (Liu and Nocedal 1989), from zero: equal
    input gives equal output.

    Args:
        x_ND: Vectors.
        y_N: What to predict; both values occur.
        penalty: The ridge penalty; the intercept has none.
    """
    from scipy.optimize import minimize
    from scipy.special import expit

    n_true = int(y_N.sum())
    weight_N = np.where(y_N, len(y_N) / (2 * n_true), len(y_N) / (2 * (len(y_N) - n_true)))
    sign_N = np.where(y_N, 1.0, -1.0)
    transposed = x_ND.T.tocsr()

    def loss(w: Floats) -> tuple[float, Floats]:
        margin_N = sign_N * (x_ND @ w[:-1] + w[-1])
        slope_N = -weight_N * sign_N * expit(-margin_N)
        value = weight_N @ np.logaddexp(0.0, -margin_N) + penalty / 2 * (w[:-1] @ w[:-1])
        return float(value), np.append(transposed @ slope_N + penalty * w[:-1], slope_N.sum())

    found = minimize(loss, np.zeros(x_ND.shape[1] + 1), jac=True, method="L-BFGS-B", options={"maxiter": 100})
    return found.x[:-1], float(found.x[-1])


def predict(x_ND: csr_array, coefficients: tuple[Floats, float]) -> Floats:
    """Return the probability of true for each row, the classes taken as equally frequent."""
    from scipy.special import expit

    w_D, intercept = coefficients
    p_N: Floats = expit(x_ND @ w_D + intercept)
    return p_N
