"""Fenced code blocks of Markdown: three or more backticks or tildes before and after.

As CommonMark has it, but that a fence may stand at any depth, as in lists; what it is set in by is taken off the code.
"""

import re
from dataclasses import dataclass

_LINE = re.compile(r"[^\n]*\n|[^\n]+")
_OPEN = re.compile(r"([ \t]*)(`{3,}|~{3,})[ \t]*([^\s`{]*)[^\n`]*\n?\Z")
_PLAIN_WORD = re.compile(rb"[A-Za-z0-9_+#.-]*")
_FENCE_LINE = re.compile(rb"^[ \t]*(?:```|~~~)", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Block:
    """A code block.

    Attributes:
        lang: The word after the opening fence in small letters, such as `python`; "" without one.
        code: What is between the fences.
        start: Where the opening fence's line begins.
        end: Where the block ends: after the closing fence, or at the end of the text.
        closed: Whether a closing fence came.
    """

    lang: str
    code: str
    start: int
    end: int
    closed: bool


def code_blocks(text: str) -> list[Block]:
    r"""Return the code blocks of a text, in order.

    >>> [(block.lang, block.code, block.closed) for block in code_blocks("```Python\nx = 1\n```\n~~~\ny")]
    [('python', 'x = 1\n', True), ('', 'y', False)]
    """
    blocks: list[Block] = []
    opened: re.Match[str] | None = None
    start, place, lines = 0, 0, list[str]()
    for line in _LINE.findall(text) if "```" in text or "~~~" in text else ():
        after = place + len(line)
        if "```" not in line and "~~~" not in line:
            if opened is not None:
                lines.append(line)
        elif opened is None:
            opened = _OPEN.match(line)
            start, lines = place, []
        elif _closes(line, opened[2]):
            blocks.append(_block(opened, lines, start, after, closed=True))
            opened = None
        else:
            lines.append(line)
        place = after
    if opened is not None:
        blocks.append(_block(opened, lines, start, len(text), closed=False))
    return blocks


def plainly_closed(text: bytes) -> bool | None:
    r"""Return whether no block of a text is open at its end; None where that takes a closer look.

    >>> plainly_closed(b"```py\nx\n```\n"), plainly_closed(b"```\nx"), plainly_closed(b"  ```\nx")
    (True, False, None)
    """
    if b"~~~" in text:
        return None
    before, *parts = (b"\n" + text).split(b"```")
    opened = False
    for part in parts:
        line_end = part.find(b"\n")
        word = part if line_end < 0 else part[:line_end]
        if not before.endswith(b"\n") or not _PLAIN_WORD.fullmatch(word):
            return None
        opened = bool(word) if opened else True
        before = part
    return not opened


def n_fence_lines(text: bytes) -> int:
    r"""Return how many lines begin with three backticks or tildes, white space apart.

    >>> n_fence_lines(b"```\nx\n```"), n_fence_lines(b"a ``` b"), n_fence_lines(b"  ~~~")
    (2, 0, 1)
    """
    if b"~~~" not in text:
        n_lines = text.count(b"\n```") + text.startswith(b"```")
        if n_lines == text.count(b"```"):  # so none of them is set in, and none has more marks
            return n_lines
    return len(_FENCE_LINE.findall(text))


def _closes(line: str, fence: str) -> bool:
    mark = line.strip()
    return len(mark) >= len(fence) and set(mark) == {fence[0]}


def _block(opened: re.Match[str], lines: list[str], start: int, end: int, *, closed: bool) -> Block:
    depth = len(opened[1])
    if depth:
        lines = [line[min(depth, len(line) - len(line.lstrip(" \t"))) :] for line in lines]
    code = "".join(lines)
    return Block(opened[3].lower(), code, start, end, closed)
