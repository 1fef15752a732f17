"""The dataset card."""

import pytest
from ruamel.yaml import YAML

from kto_data.dataset.card import escape_markdown
from kto_data.dataset.manifest import ManifestWeights

HOSTILE = 'x"\n---\nlicense: mit\n# <script>alert(1)</script> [a](javascript:b) | 🤦 \x85\u2028\x00{counts}'


def card(folder):
    _, front, body = (folder / "README.md").read_text().split("---\n", 2)
    return YAML(typ="safe", pure=True).load(front), body


def test_the_front_matter_names_the_files_of_each_split(row, write):
    front, _ = card(write([row(0), row(1, split="test")])[0])
    assert front["license"] == "unknown"
    assert front["task_categories"] == ["text-generation"]
    assert "kto" in front["tags"]
    assert front["configs"] == [
        {
            "config_name": "default",
            "data_files": [
                {"split": "train", "path": "train-*.parquet"},
                {"split": "test", "path": "test-*.parquet"},
            ],
        }
    ]


def test_a_given_license_is_named(row, write):
    assert card(write([row(0)], license_id="cc-by-4.0")[0])[0]["license"] == "cc-by-4.0"


def test_counts_weights_and_every_column_are_told(row, write):
    folder, _ = write(
        [row(n, label=n > 0) for n in range(3)],
        weights=ManifestWeights(desirable_weight=1.0, undesirable_weight=2.5, reason="far apart"),
    )
    _, body = card(folder)
    assert "| train | 3 | 2 | 1 |" in body
    assert "`desirable_weight` 1, `undesirable_weight` 2.5. far apart" in body
    assert "undesirable_weight=2.5," in body
    assert "python -m kto_trainer train --data ." in body
    for column in ("prompt", "completion", "label", "weight", "p_desirable", "decided_by"):
        assert f"| `{column}` |" in body


def test_names_of_users_cannot_add_markup_or_front_matter(row, write):
    folder, _ = write(
        [row(0)],
        name=HOSTILE,
        weights=ManifestWeights(desirable_weight=1.0, undesirable_weight=1.0, reason=HOSTILE),
    )
    front, body = card(folder)
    assert front["license"] == "unknown"
    assert front["pretty_name"].startswith('x" --- license: mit # <script>')
    assert "<script>" not in body
    assert "[a](" not in body
    assert "\x00" not in body


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("plain words", "plain words"),
        ("a_b*c", r"a\_b\*c"),
        ("<b>", r"\<b\>"),
        ("a\r\nb", "a b"),
        ("a|b", r"a\|b"),
    ],
)
def test_markdown_is_shown_as_it_is(text, expected):
    assert escape_markdown(text) == expected
