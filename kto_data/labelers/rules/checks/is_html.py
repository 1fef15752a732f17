"""Whether a text is HTML, or has HTML in it."""

import re
from collections.abc import Iterator, Sequence

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found
from kto_data.labelers.rules.fast.evidence import Evidence, Pattern, Settled, Statistic, all_sure
from kto_data.texts.patterns import compiled


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


_ELEMENTS = _names(
    "a abbr address area article aside audio b base bdi bdo blockquote body br button canvas caption center "
    "cite code col colgroup data datalist dd del details dfn dialog div dl dt em embed fieldset figcaption "
    "figure font footer form h1 h2 h3 h4 h5 h6 head header hgroup hr html i iframe img input ins kbd label "
    "legend li link main map mark math menu meta meter nav noscript object ol optgroup option output p param "
    "picture pre progress q rp rt ruby s samp script search section select slot small source span strike "
    "strong style sub summary sup svg table tbody td template textarea tfoot th thead time title tr track tt "
    "u ul var video wbr"
)
_VOID = _names("area base br col embed hr img input link meta param source track wbr")
_MAY_STAY_OPEN = _names("body colgroup dd dt head html li optgroup option p rp rt tbody td tfoot th thead tr")
_RAW = frozenset(("script", "style", "textarea", "title"))
_FOREIGN = frozenset(("svg", "math"))

# Possessive throughout, so that a text that is nearly a tag is read once.
_ATTRIBUTE = r"""[\s/]++(?:[^\s"'<>/=]++(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s"'=<>`]++))?+)?+"""
_TAG = re.compile(rf"<(?P<close>/?+)(?P<name>[a-zA-Z][a-zA-Z0-9:-]*+)(?P<rest>(?:{_ATTRIBUTE})*+)>")
_DOCTYPE = re.compile(r"<!doctype\s+html\b[^<>]*>", re.IGNORECASE)
_STARTS_TAG = re.compile(r"<[a-zA-Z/!?]")

# In RE2's syntax.
_SIGNS = {
    "an element": rf"(?i)<(?:{'|'.join(sorted(_ELEMENTS))})(?:[\s/][^<>]*)?>",
    "a closing tag": r"</[a-zA-Z][a-zA-Z0-9-]*\s*>",
    "a self-closing tag": r"<[a-zA-Z][a-zA-Z0-9-]*(?:\s[^<>]*)?/>",
    "an attribute": r"""<[a-zA-Z][^<>]*\s[a-zA-Z-]+\s?=\s?["']""",
    "an entity": r"&(?:[a-zA-Z]{2,31}|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});",
    "a comment": r"<!--",
    "a doctype": r"(?i)<!doctype\s+html\b[^<>]*>",
}


@CHECKS.register("contains-html")
class ContainsHtml(Check):
    """There is HTML in the text: `contains-html: true`.

    It takes two signs of different kinds (an element of HTML, a closing tag, a self-closing tag, an attribute,
    an entity, a comment, a document type), so that `a < b` or one `<name>` is not HTML.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if two kinds of signs are found."""
        found = {sign: match for sign, pattern in _SIGNS.items() if (match := compiled(pattern).search(text))}
        evidence = ", ".join(found) or "no sign of HTML"
        spans = tuple(sorted({match.span() for match in found.values()}))
        return Found(len(found) >= 2, evidence, spans if len(found) >= 2 else ())

    def evidence(self) -> Sequence[Pattern | Statistic]:
        """Return the signs."""
        return [Pattern(pattern) for pattern in _SIGNS.values()]

    def settle(self, evidence: Evidence) -> Settled | None:
        """Tell it of every text: two signs are enough."""
        n_signs = evidence.constant(False).astype(int)
        for pattern in _SIGNS.values():
            n_signs += evidence.matches(Pattern(pattern))
        return all_sure(n_signs >= 2)


@CHECKS.register("is-html")
class IsHtml(Check):
    """The text is HTML and nothing else: `is-html: true`.

    It starts and ends with a tag, has no text outside its elements, only elements that HTML has (or with a
    hyphen in their name, or inside `svg` and `math`), and each is closed unless HTML lets it stay open.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the whole text reads as HTML."""
        try:
            n_elements = _read(text.strip())
        except ValueError as error:
            return Found(False, f"not HTML: {error}")
        return Found(n_elements > 0, f"{n_elements} elements" if n_elements else "not HTML: no element")


def _read(text: str) -> int:
    """Return the number of elements of a text that is all HTML.

    Raises:
        ValueError: It is not.
    """
    opened: list[str] = []
    n_elements = n_foreign = 0
    for close, name, rest in _tags(text, opened):
        if close:
            _close(name, opened)
            n_foreign -= name in _FOREIGN
            continue
        n_elements += 1
        if name not in _ELEMENTS and "-" not in name and not n_foreign:
            raise ValueError(f"<{name}> is no element of HTML")
        if name not in _VOID and not (rest.endswith("/") and (n_foreign or name in _FOREIGN)):
            opened.append(name)
            n_foreign += name in _FOREIGN
    unclosed = [name for name in opened if name not in _MAY_STAY_OPEN]
    if unclosed:
        raise ValueError(f"<{unclosed[-1]}> is not closed")
    return n_elements


def _close(name: str, opened: list[str]) -> None:
    while opened and opened[-1] != name and opened[-1] in _MAY_STAY_OPEN:
        opened.pop()
    if not opened or opened.pop() != name:
        raise ValueError(f"</{name}> closes nothing")


def _tags(text: str, opened: Sequence[str]) -> Iterator[tuple[bool, str, str]]:
    """Yield whether each tag closes, its name, and what else is in it.

    Args:
        text: The text.
        opened: The elements that are open, kept by the caller.

    Raises:
        ValueError: There is text outside elements, or a tag that is none.
    """
    at = 0
    while at < len(text):
        start = text.find("<", at)
        between = text[at : start if start >= 0 else len(text)]
        if not opened and between.strip():
            raise ValueError(f"text outside elements: {between.strip()[:40]!r}")
        if start < 0:
            return
        if text.startswith("<!--", start):
            at = _find(text, "-->", start) + 3
        elif match := _DOCTYPE.match(text, start):
            at = match.end()
        elif match := _TAG.match(text, start):
            name = match["name"].lower()
            yield bool(match["close"]), name, match["rest"]
            at = match.end()
            if name in _RAW and not match["close"]:
                at = _end_of_raw(text, name, at)
        elif opened and not _STARTS_TAG.match(text, start):
            at = start + 1  # a lone < inside an element is text
        else:
            raise ValueError(f"{text[start : start + 20]!r} is no tag")


def _find(text: str, end: str, start: int) -> int:
    found = text.find(end, start)
    if found < 0:
        raise ValueError(f"{end!r} is missing")
    return found


def _end_of_raw(text: str, name: str, start: int) -> int:
    found = re.compile(f"</{name}", re.IGNORECASE).search(text, start)
    if not found:
        raise ValueError(f"<{name}> is not closed")
    return found.start()
