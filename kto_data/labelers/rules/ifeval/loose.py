"""The eight readings of a text under which an instruction counts as followed, loosely."""

from collections.abc import Iterator


def readings(text: str) -> Iterator[str]:
    r"""Yield the text as it is, without its first line, its last, both; then each of these without asterisks.

    >>> list(readings("a\n*b*"))
    ['a\n*b*', '*b*', 'a', '', 'a\nb', 'b', 'a', '']
    """
    lines = text.split("\n")
    forms = [text, *("\n".join(part).strip() for part in (lines[1:], lines[:-1], lines[1:-1]))]
    yield from forms
    yield from (form.replace("*", "") for form in forms)
