"""How many emoji a text has."""

import re

from kto_data.labelers.rules.checks.check import CHECKS, MAX_SPANS, Check, Context, Found
from kto_data.labelers.rules.limits import Range

# Unicode's emoji that are shown as pictures by themselves, and those that are with U+FE0F after them.
_PICTURE = (
    "[\U0001f300-\U0001f5ff\U0001f600-\U0001f64f\U0001f680-\U0001f6ff\U0001f7e0-\U0001f7eb\U0001f900-\U0001f9ff"
    "\U0001fa70-\U0001faff\U0001f004\U0001f0cf\U0001f18e\U0001f191-\U0001f19a\u231a\u231b\u23e9-\u23ec\u23f0\u23f3"
    "\u25fd\u25fe\u2614\u2615\u2648-\u2653\u267f\u2693\u26a1\u26aa\u26ab\u26bd\u26be\u26c4\u26c5\u26ce\u26d4\u26ea"
    "\u26f2\u26f3\u26f5\u26fa\u26fd\u2705\u270a\u270b\u2728\u274c\u274e\u2753-\u2755\u2757\u2795-\u2797\u27b0\u27bf"
    "\u2b1b\u2b1c\u2b50\u2b55]"
)
_MADE = "[\u00a9\u00ae\u203c-\u3299\U0001f000-\U0001f2ff]\ufe0f"
_TONE = "[\U0001f3fb-\U0001f3ff]"
_ONE = f"(?:(?:{_MADE}|{_PICTURE})\ufe0f?{_TONE}?)"
_EMOJI = re.compile(
    f"[\U0001f1e6-\U0001f1ff]{{2}}|[0-9#*]\ufe0f?\u20e3|{_ONE}(?:\u200d{_ONE})*[\U000e0020-\U000e007f]*"
)


@CHECKS.register("emoji")
class Emoji(Check):
    """The text has emoji: `emoji: true`, or as many as said: `emoji: {count: {max: 2}}`.

    A flag, a keycap, and people joined into one picture count once. Plain signs that are shown as text
    (`©`, `✓`, `→`) are no emoji, unless they are followed by the mark that makes them pictures.
    """

    count: Range = Range(min=1)
    """How many there have to be; by default one or more."""

    def decide(self, text: str, context: Context) -> Found:
        """Hold if there are as many as said."""
        if text.isascii():
            return Found(self.count.holds(0, context.captures), "0 emoji")
        spans: list[tuple[int, int]] = []
        n = 0
        for match in _EMOJI.finditer(text):
            n += 1
            if n <= MAX_SPANS:
                spans.append(match.span())
        return Found(self.count.holds(n, context.captures), f"{n} emoji", tuple(spans))

    def capture_names(self) -> frozenset[str]:
        """Return the captured names in `count`."""
        return self.count.capture_names()
