"""Facts of a made-up run, complete and of realistic size."""

from math import exp, sin

import pytest


def figure(estimate, half_width):
    return {"estimate": estimate, "lower": estimate - half_width, "upper": estimate + half_width}


def curves():
    for step in range(10, 610, 10):
        yield {"stage": "sft", "step": step, "loss": 2.1 + 4.2 * exp(-step / 120) + 0.05 * sin(step)}
    for step in range(5, 405, 5):
        yield {
            "stage": "kto",
            "step": step,
            "loss": 0.36 + 0.14 * exp(-step / 150) + 0.01 * sin(step),
            "kl": 0.9 * (1 - exp(-step / 90)) + 0.06 * sin(step / 3),
            "rewards_chosen": 0.55 * (1 - exp(-step / 130)) + 0.03 * sin(step),
            "rewards_rejected": -1.3 * (1 - exp(-step / 110)) + 0.04 * sin(step / 2),
        }


def labeler(name, kind, counts, rates, agreement, mode="vote"):
    return {
        "labeler": name,
        "kind": kind,
        "mode": mode,
        **dict(
            zip(
                ["n_desirable", "n_undesirable", "n_abstain", "n_not_applicable", "n_faults"],
                counts,
                strict=True,
            )
        ),
        **dict(zip(["coverage", "overlap", "conflict"], rates, strict=True)),
        "agreement_with_truth": agreement,
    }


def side(precision, recall, n_votes, n_gold, by="gold"):
    return {
        "precision": precision,
        "precision_by": by,
        "recall": recall,
        "n_votes": n_votes,
        "n_gold": n_gold,
    }


def card(accuracy, n_gold, sides, **others):
    return {
        "n_gold": n_gold,
        "accuracy": accuracy,
        "n_more": 217,
        "desirable": sides[0],
        "undesirable": sides[1],
        "calibration": None,
        "echoes": [],
        "constant": False,
        "n_flipped": 37,
        "n_examined": 2255,
        **others,
    }


CARDS = [
    card(
        figure(0.9573, 0.031),
        164,
        [side(None, None, 0, 131), side(figure(0.957, 0.03), figure(0.621, 0.07), 163, 229)],
        constant=True,
        echoes=[{"labeler": "thumbs", "correlation": 0.412, "n_both": 197}],
    ),
    None,
    card(
        figure(0.8451, 0.044),
        226,
        [
            side(figure(0.8812, 0.028), figure(0.803, 0.052), 143, 131, by="gold and predictions"),
            side(figure(0.7831, 0.078), figure(0.644, 0.071), 83, 229),
        ],
        calibration={"n": 211, "brier": 0.117, "ece": 0.052, "mean_stated": 0.683, "share": 0.641},
    ),
    None,
]


def shares(before, after):
    return {"reference": figure(before, 0.066), "trained": figure(after, 0.058)}


EVALUATION = {
    "n_rows": 417,
    "n_prompts": 121,
    "labels_from": "labels",
    "reference": {"auc": figure(0.548, 0.057), "pair_accuracy": figure(0.531, 0.071)},
    "trained": {"auc": figure(0.842, 0.041), "pair_accuracy": figure(0.811, 0.056)},
    "control": {"auc": figure(0.507, 0.059), "pair_accuracy": figure(0.489, 0.073)},
    "generated": {
        "n_prompts": 203,
        "training_labelers": {**shares(0.543, 0.764), "labelers": ["refusals", "loops", "cut_off", "sums"]},
        "held_out_labelers": {
            **shares(0.587, 0.741),
            "difference": figure(0.154, 0.079),
            "labelers": ["invented_contacts", "format_json"],
        },
        "by_labeler": [
            {
                "labeler": "refusals",
                "held_out": False,
                "reference": figure(0.711, 0.06),
                "trained": figure(0.934, 0.03),
            },
            {"labeler": "loops", "held_out": False, "reference": 0.882, "trained": 0.9755},
            {
                "labeler": "invented_contacts",
                "held_out": True,
                "reference": figure(0.641, 0.06),
                "trained": None,
            },
        ],
        "mean_chars": {"reference": 183.4, "trained": 241.9},
        "mean_words": {"reference": 31.2, "trained": 42.6},
    },
    "samples": [
        {
            "prompt": "My router keeps dropping the connection every evening. What can I try?",
            "reference": "I am sorry, but I cannot help with that request.",
            "trained": "Three things, in this order:\n\n1. Restart the router and wait two minutes.\n2. Move it away from other "
            "radios: cordless telephones, a microwave oven.\n3. Choose another channel (1, 6 or 11) in its settings.",
        },
        {
            "prompt": "Return the totals as JSON: apples 3 x 1.20, pears 2 x 0.90.",
            "reference": "Sure! The totals are as follows as follows as follows as follows as follows as",
            "trained": '{"apples": 3.60, "pears": 1.80, "sum": 5.40}',
        },
    ],
    "rewards": {
        "edges": [-3 + 0.25 * bin_ for bin_ in range(21)],
        "n_desirable": [0, 0, 1, 1, 2, 3, 5, 6, 9, 14, 21, 30, 38, 37, 29, 17, 9, 5, 2, 1],
        "n_undesirable": [2, 4, 7, 12, 17, 23, 28, 27, 22, 15, 10, 7, 4, 3, 2, 1, 1, 0, 0, 0],
        "n_below": 2,
        "n_above": 1,
    },
}


@pytest.fixture
def facts():
    """Facts that use every key there is."""
    found = _facts()
    for one, its_card in zip(found["labelers"], CARDS, strict=True):
        one["card"] = its_card
    return found


def _facts():
    return {
        "title": "Support bot, quickstart",
        "pipeline": "pipelines/quickstart.yaml",
        "seed": 7,
        "created_at": "2025-03-14T09:26:53Z",
        "versions": {"kto-data": "0.1.0", "python": "3.11.7", "torch": "2.13.0", "numpy": "2.4.6"},
        "accounting": {
            "n_records": 2411,
            "n_used": 2405,
            "n_quarantined": 6,
            "quarantined": {"broken_json": 4, "no_completion": 2},
            "n_rows": 2497,
            "n_dataset": {"train": 1633, "test": 417},
            "dropped": {
                "exact_dedup": {"duplicate": 131},
                "length": {"too_long": 3, "empty_completion": 8},
                "contradictions": {"opposite_feedback": 47},
            },
            "n_undecided": 258,
        },
        "quarantined_examples": [
            {
                "file": "logs/2025-03-01.jsonl",
                "record": 118,
                "reason": "broken_json",
                "detail": "Expecting ',' delimiter: column 41",
                "excerpt": '{"prompt": "How do I reset my password?" "completion": "Open the settings',
            },
            {
                "file": "logs/2025-03-02.jsonl",
                "record": 77,
                "reason": "no_completion",
                "detail": None,
                "excerpt": '{"prompt": "Where is my parcel?"}',
            },
        ],
        "balance": {
            "train": {"rows": 1633, "desirable": 986, "undesirable": 647},
            "test": {"rows": 417, "desirable": 249, "undesirable": 168},
            "ratio_before": 1.523957,
            "ratio_after": 1.0,
            "desirable_weight": 1.0,
            "undesirable_weight": 1.524,
            "reason": "The training split has 986 desirable and 647 undesirable rows, a ratio of 1.52, above the "
            "range [1, 4/3] that the KTO paper recommends. undesirable_weight 1.524 puts the weighted ratio at 1.",
            "by_source": [{"name": "logs/2025-03-01.jsonl", "desirable": 612, "undesirable": 433}],
            "by_model": [
                {"name": "aurora-small", "desirable": 401, "undesirable": 122},
                {"name": "birch-2", "desirable": 322, "undesirable": 231},
                {"name": "cobalt", "desirable": 263, "undesirable": 294},
            ],
            "lengths": {
                "edges": [0, 50, 100, 150, 200, 300, 450],
                "n_desirable": [41, 203, 351, 244, 112, 35],
                "n_undesirable": [152, 201, 118, 66, 44, 66],
                "n_below": 0,
                "n_above": 9,
            },
        },
        "labelers": [
            labeler("refusals", "rule", (0, 288, 2066, 143, 0), (0.122, 0.087, 0.021), figure(0.962, 0.022)),
            labeler("sums", "rule", (211, 94, 12, 2180, 3), (0.129, 0.101, 0.013), 0.991),
            labeler(
                "thumbs", "feedback", (803, 411, 0, 1283, 0), (0.486, 0.244, 0.113), figure(0.837, 0.021)
            ),
            labeler("polite", "rule", (640, 0, 1857, 0, 0), (0.256, 0.199, 0.064), None, mode="shadow"),
        ],
        "labels": {
            "decided_by": {"thumbs": 903, "refusals": 261, "sums": 288, "majority": 598},
            "n_desirable": 1205,
            "n_undesirable": 799,
            "n_undecided": 251,
            "truth": {"n": 2004, "agree": 1869, "interval": figure(0.9326, 0.011)},
            "method": "calibrated",
            "desirable_share": {**figure(0.6034, 0.041), "n": 364},
            "n_gold": 364,
            "n_disputed": 19,
            "rounds": [
                {
                    "round": "judges",
                    "n_unresolved": 541,
                    "n_asked_rows": 573,
                    "n_votes": 1146,
                    "n_resolved": 427,
                }
            ],
            "notes": ["12 votes repeat a vote and count once"],
        },
        "training": {"model": "tiny", "n_parameters": 214272, "seconds": 96.4, "curves": list(curves())},
        "evaluation": EVALUATION,
        "lineage": {
            "inputs": [
                {
                    "file": "logs/2025-03-01.jsonl",
                    "bytes": 1843112,
                    "hash": "sha256:" + "3fa9" * 16,
                    "records": 2411,
                }
            ],
            "steps": [
                {
                    "step": "01_read",
                    "hash": "9c1185a5c5e9fc54",
                    "rows": 2497,
                    "seconds": 0.41,
                    "reused": True,
                },
                {
                    "step": "02_label",
                    "hash": "0beec7b5ea3f0fdb",
                    "rows": 2366,
                    "seconds": 2.7,
                    "reused": False,
                },
                {
                    "step": "03_train",
                    "hash": "62cdb7020ff920e5",
                    "rows": None,
                    "seconds": 96.4,
                    "reused": False,
                },
            ],
        },
    }
