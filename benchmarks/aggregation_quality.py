"""How right the labels are: our methods and the peers' on the same votes, for `aggregation.py`.

Sets go to the peers' interpreter as files, their probabilities come back the same way; the figures are made here.
"""

import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from aggregation_sets import VoteSet, crowds, judge_panels, judges, rule_sets, scenario

Floats = npt.NDArray[np.float64]

CROWD_METHODS = {"dawid_skene": "DawidSkene", "one_coin": "OneCoinDawidSkene", "glad": "GLAD"}
GLAD_VOTES = 2_500
"""Votes above which crowd-kit's GLAD takes minutes; it is left out there."""
N_GOLD = (10, 50, 100)


def quality(
    peers: str | None, judge_folder: Path | None, *, n_crowds: int, n_rules: int, n_seeds: int
) -> dict[str, Any]:
    """Return accuracy and log-loss on every set, and what `calibrated` makes of a few gold labels."""
    found_judges = list(judges(judge_folder)) if judge_folder else []
    crowd_sets, rules = [*found_judges, *crowds(n_crowds)], list(rule_sets(n_rules))
    return {
        "crowds": _compare_crowds(crowd_sets, _ask(peers, "crowd", crowd_sets)),
        "one_sided": _compare_rules(rules, _ask(peers, "rules", rules)),
        "calibrated_share": {name: shares(name, n_seeds) for name in "ABC"},
        "calibrated_judges": [few_gold(panel) for panel in judge_panels(found_judges[0])]
        if found_judges
        else None,
    }


def table_of(votes_NM: npt.NDArray[np.int8]) -> Any:
    """Return votes as our table."""
    from kto_data.votes.labelers import Labeler
    from kto_data.votes.table import VoteTable

    sample_V, labeler_V = np.nonzero(votes_NM)
    vote_V = votes_NM[sample_V, labeler_V]
    labelers = [Labeler(f"m{m}", "1", "judge") for m in range(votes_NM.shape[1])]
    ids = [f"{number:08}" for number in range(len(votes_NM))]
    return VoteTable(
        ids,
        labelers,
        sample_V,
        labeler_V.astype(np.int32),
        (vote_V > 0).astype(np.int8),
        (vote_V < 0).astype(np.int8),
    )


def _posterior(method: str, votes_NM: npt.NDArray[np.int8]) -> Floats:
    from kto_data.aggregators.method import METHODS

    return np.asarray(METHODS.get(method)().posterior(table_of(votes_NM)))


def _score(p_N: Floats, y_N: npt.NDArray[np.bool_], votes_NM: npt.NDArray[np.int8]) -> dict[str, float]:
    """Return accuracy (a tie counts half) and log-loss on the samples with votes."""
    voted_N = (votes_NM != 0).any(axis=1)
    p_N, y_N = p_N[voted_N], y_N[voted_N]
    right_N = np.where(p_N == 0.5, 0.5, (p_N > 0.5) == y_N)
    bounded_N = np.clip(p_N, 1e-6, 1 - 1e-6)
    log_loss = -np.log(np.where(y_N, bounded_N, 1 - bounded_N)).mean()
    return {"accuracy": round(float(right_N.mean()), 4), "log_loss": round(float(log_loss), 4)}


def _compare_crowds(sets: Sequence[VoteSet], theirs: Callable[[int, str], Floats | None]) -> dict[str, Any]:
    by_set, tally = [], {}
    for number, (name, votes_NM, y_N) in enumerate(sets):
        line: dict[str, Any] = {
            "set": name,
            "majority": _score(_posterior("majority", votes_NM), y_N, votes_NM),
        }
        for method in CROWD_METHODS:
            peer = theirs(number, method)
            line[method] = {
                "ours": _score(_posterior(method, votes_NM), y_N, votes_NM),
                "crowd-kit": None if peer is None else _score(peer, y_N, votes_NM),
            }
        by_set.append(line)
    for method in CROWD_METHODS:
        pairs = [
            (line[method]["ours"], line[method]["crowd-kit"]) for line in by_set if line[method]["crowd-kit"]
        ]
        accuracy = np.array([ours["accuracy"] - peer["accuracy"] for ours, peer in pairs])
        loss = np.array([ours["log_loss"] - peer["log_loss"] for ours, peer in pairs])
        tally[method] = {
            "n_sets": len(pairs),
            "n_at_least": int((accuracy >= 0).sum()),
            "n_at_least_within_half_a_percent": int((accuracy >= -0.005).sum()),
            "mean_accuracy_difference": _mean(accuracy),
            "mean_log_loss_difference": _mean(loss),
            "n_log_loss_lower": int((loss < 0).sum()),
        }
    return {"tally": tally, "sets": by_set}


def _compare_rules(sets: Sequence[VoteSet], theirs: Callable[[int, str], Floats | None]) -> dict[str, Any]:
    by_set = []
    for number, (name, votes_NM, y_N) in enumerate(sets):
        peer = theirs(number, "snorkel")
        by_set.append(
            {
                "set": name,
                "majority": _score(_posterior("majority", votes_NM), y_N, votes_NM)["accuracy"],
                "firing": _score(_posterior("firing", votes_NM), y_N, votes_NM)["accuracy"],
                "snorkel": None if peer is None else _score(peer, y_N, votes_NM)["accuracy"],
            }
        )
    known = [line for line in by_set if line["snorkel"] is not None]
    works = [line for line in known if line["snorkel"] > line["majority"]]
    below = np.array([line["firing"] - line["majority"] for line in by_set])
    return {
        "n_sets": len(by_set),
        "lowest_against_majority": round(float(below.min()), 4),
        "n_more_than_a_percent_below_majority": int((below < -0.01).sum()),
        "mean_against_majority": _mean(below),
        "n_where_snorkel_works": len(works),
        "n_at_least_snorkel_there": sum(line["firing"] >= line["snorkel"] for line in works),
        "mean_against_snorkel_there": _mean(np.array([line["firing"] - line["snorkel"] for line in works])),
        "sets": by_set,
    }


def shares(name: str, n_seeds: int, n_gold: int = 200) -> dict[str, float]:
    """Return how right the desirable share is after `n_gold` gold labels, over seeds."""
    from kto_data.aggregators.calibrated import Calibrated
    from kto_data.aggregators.method import Gold
    from kto_data.statistics.share import corrected_share

    errors, covered, accuracy = [], [], []
    for seed in range(n_seeds):
        _, votes_NM, y_N = scenario(name, seed)
        gold = np.sort(np.random.default_rng(10_000 + seed).choice(len(y_N), n_gold, replace=False))
        found = Calibrated().aggregate(table_of(votes_NM), Gold(gold, y_N[gold]))
        assert found.p_held_out_G is not None, "200 random gold labels have both classes"
        share = corrected_share(found.p_desirable_N, gold_G=y_N[gold], p_held_out_G=found.p_held_out_G)
        assert share is not None, "there is gold"
        errors.append(share.interval.estimate - y_N.mean())
        covered.append(share.interval.lower <= y_N.mean() <= share.interval.upper)
        accuracy.append(((found.p_desirable_N > 0.5) == y_N).mean())
    return {
        "n_seeds": n_seeds,
        "bias": _mean(np.array(errors)),
        "rmse": round(float(np.sqrt(np.mean(np.square(errors)))), 4),
        "interval_covers": _mean(np.array(covered)),
        "accuracy": _mean(np.array(accuracy)),
    }


def few_gold(panel: VoteSet, n_draws: int = 20) -> dict[str, Any]:
    """Return the accuracy on all other pairs after k gold pairs, of `calibrated` and of smoothed log-odds."""
    from kto_data.aggregators.calibrated import Calibrated
    from kto_data.aggregators.method import Gold

    name, votes_NM, y_N = panel
    n = len(y_N)
    # a pair is two samples, of which exactly one is desirable: what is said for one is said against the other
    table = table_of(np.concatenate([votes_NM, -votes_NM]))
    both_N, prompt_N = np.concatenate([y_N, ~y_N]), np.tile(np.arange(n), 2)
    result: dict[str, Any] = {"set": name, "n_pairs": n, "n_draws": n_draws}
    for k in N_GOLD:
        right: dict[str, list[float]] = {"log_odds": [], "calibrated": []}
        for draw in range(n_draws):
            gold = np.sort(np.random.default_rng(draw).choice(n, k, replace=False))
            rest = np.setdiff1d(np.arange(n), gold)
            signed_GM = votes_NM[gold] * np.where(y_N[gold], 1, -1)[:, None]
            log_odds_M = np.log(((signed_GM > 0).sum(0) + 1) / ((signed_GM < 0).sum(0) + 1))
            known = np.concatenate([gold, gold + n])
            found = Calibrated().aggregate(table, Gold(known, both_N[known], None, prompt_N))
            right["log_odds"].append(((votes_NM[rest] @ log_odds_M > 0) == y_N[rest]).mean())
            right["calibrated"].append(((found.p_desirable_N[rest] > 0.5) == y_N[rest]).mean())
        result[str(k)] = {method: _mean(np.array(values)) for method, values in right.items()}
    return result


def _mean(values: npt.NDArray[Any]) -> float | None:
    return round(float(values.mean()), 4) if len(values) else None


def _ask(peers: str | None, kind: str, sets: Sequence[VoteSet]) -> Callable[[int, str], Floats | None]:
    """Let the peers answer in their own interpreter; return a look-up of their probabilities."""
    answers: dict[str, Floats] = {}
    if peers:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "sets.npz"
            np.savez(path, *(votes_NM for _, votes_NM, _ in sets))
            done = subprocess.run(
                [peers, __file__, kind, str(path)], capture_output=True, text=True, check=False
            )
            if done.returncode:
                print(f"the peers failed: {done.stderr.strip().splitlines()[-1:]}", file=sys.stderr)
            else:
                with np.load(path.with_suffix(".answers.npz")) as found:
                    answers = dict(found)
    return lambda number, method: answers.get(f"{number} {method}")


def _answer(kind: str, path: Path) -> None:
    """In the peers' interpreter: write what they make of each set."""
    warnings.simplefilter("ignore")
    with np.load(path) as file:
        sets = [file[f"arr_{number}"] for number in range(len(file.files))]
    answers = {}
    for number, votes_NM in enumerate(sets):
        for method, p_N in (_crowd_kit if kind == "crowd" else _snorkel)(votes_NM).items():
            answers[f"{number} {method}"] = p_N
    np.savez(path.with_suffix(".answers.npz"), **answers)


def _crowd_kit(votes_NM: npt.NDArray[np.int8]) -> dict[str, Floats]:
    import crowdkit.aggregation
    import pandas as pd

    sample_V, labeler_V = np.nonzero(votes_NM)
    votes = pd.DataFrame(
        {"task": sample_V, "worker": labeler_V, "label": (votes_NM[sample_V, labeler_V] > 0).astype(int)}
    )
    found = {}
    for method, name in CROWD_METHODS.items():
        if name == "GLAD" and len(votes) > GLAD_VOTES:
            continue
        cls = getattr(crowdkit.aggregation, name)
        model = cls(n_iter=100)
        probabilities = (
            model.fit(votes).probas_.reindex(range(len(votes_NM))).reindex(columns=[0, 1]).fillna(0.0)
        )
        found[method] = probabilities[1].to_numpy()
    return found


def _snorkel(votes_NM: npt.NDArray[np.int8]) -> dict[str, Floats]:
    from snorkel.labeling.model import LabelModel

    model, given_NM = (
        LabelModel(cardinality=2, verbose=False),
        np.where(votes_NM == 0, -1, (votes_NM > 0).astype(int)),
    )
    model.fit(given_NM, n_epochs=500, seed=1, progress_bar=False)
    return {"snorkel": model.predict_proba(given_NM)[:, 1]}


if __name__ == "__main__":
    _answer(sys.argv[1], Path(sys.argv[2]))
