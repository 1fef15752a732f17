import pytest

from kto_data.labelers.rules.checks.check import Context
from kto_data.labelers.rules.checks.emoji import Emoji


@pytest.mark.parametrize(
    ("text", "n"),
    [
        ("Hi 👋!", 1),
        ("👍🏽", 1),
        ("👨‍👩‍👧‍👦", 1),
        ("🇸🇪🇩🇪", 2),
        ("❤️ ☀️", 2),
        ("1️⃣", 1),
        ("🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f", 1),
        ("✅ done ⭐", 2),
        ("🙂🙂", 2),
        ("© ✓ → ™ ♥ 12 #", 0),
        ("日本語 été", 0),
        ("plain", 0),
        ("", 0),
    ],
)
def test_emoji_count_once_each(text, n):
    found = Emoji(count={"min": n, "max": n}).decide(text, Context())
    assert (found.holds, found.evidence) == (True, f"{n} emoji")
    assert Emoji().decide(text, Context()).holds is (n > 0)
