r"""Where the final answer stands in a text."""

import re

_MAX_TRIES = 50  # boxes that never close are tried from the end; so many of them is no answer
_BOXED = re.compile(r"\\(?:boxed|fbox)\s*(?=\{)")


def boxed(text: str) -> str | None:
    r"""Return what the last `\boxed{}` holds, None without one that closes.

    >>> boxed(r"so \boxed{\frac{1}{2}}.")
    '\\frac{1}{2}'
    """
    for match in reversed(list(_BOXED.finditer(text))[-_MAX_TRIES:]):
        end = _closing(text, match.end())
        if end is not None:
            return text[match.end() + 1 : end]
    return None


def after(text: str, marker: str) -> str | None:
    r"""Return the rest of the line after the last marker, None where it does not stand or nothing follows.

    >>> after("A: 3\nA: 4 apples\n", "A:")
    '4 apples'
    """
    place = text.rfind(marker)
    if place < 0:
        return None
    line, _, _ = text[place + len(marker) :].partition("\n")
    return line.strip() or None


def _closing(text: str, start: int) -> int | None:
    """Return where the brace that opens at `start` closes."""
    depth = 0
    for place in range(start, len(text)):
        if text[place] == "{":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if not depth:
                return place
    return None


_LETTER = r"[*_`$\s]*[(\[]?\s*(?:\\text\s*\{\s*)?[(\[]?([A-Z])(?![A-Za-z'’])[)\]}]?"
_STATED = re.compile(
    rf"(?i:\b(?:answer|choice|option)(?:\s+(?:is|would\s+be|should\s+be|choice|option))*)\s*[:=\-–]?(?i:\s+option)?{_LETTER}"
)
_BOX_LETTER = re.compile(rf"{_LETTER}")
_FIRST = re.compile(rf"{_LETTER}[*_]*(?:[.):\]]|\s*$|\s*\n)")
_BRACKETED = re.compile(r"[(\[]([A-Z])[)\]]")
_ALONE = re.compile(r"^[*_`\s]*([A-Z])[*_`.:)\s]*$", re.MULTILINE)


def choice(text: str, letters: str) -> str | None:
    r"""Return the letter that a text chooses, None if it does not say one of `letters`.

    In this order: the last `\boxed{C}`; the last `answer is (C)`, `Answer: C`, `option C`; a text that begins with the
    letter (`C`, `(C)`, `C. Paris`); the last `(C)`; the last line that is a letter and nothing else.

    >>> [choice(text, "ABCD") for text in ("The answer is (B).", "C) Paris", r"\boxed{\text{D}}", "A cat", "I like B")]
    ['B', 'C', 'D', None, None]
    """
    box = boxed(text)
    found = [_BOX_LETTER.match(box)] if box is not None else []
    found += reversed(list(_STATED.finditer(text)))
    found.append(_FIRST.match(text.lstrip()))
    found += reversed(list(_BRACKETED.finditer(text)))
    found += reversed(list(_ALONE.finditer(text)))
    return next((match[1] for match in found if match and match[1] in letters), None)
