"""Whether a text is XML, or has XML in it."""

import re
from collections.abc import Iterator
from xml.parsers import expat

from pydantic import Field

from kto_data.labelers.rules.checks.check import CHECKS, Check, Context, Found, Word
from kto_data.labelers.rules.limits import RowError

_TAG = re.compile(r"<(?P<close>/?)(?P<name>[^\W\d][\w:.-]*)(?P<rest>(?:[\s/][^<>]*)?)>")
_EFFORT = 20
"""Characters parsed for each character of a text, at most."""


class _Xml(Check):
    required_elements: tuple[Word, ...] = Field(default=())
    """Elements that have to be there, as paths from the root: `[order.item, order.total]`."""


@CHECKS.register("is-xml")
class IsXml(_Xml):
    """The text is one well-formed XML document and nothing else: `is-xml: {required_elements: [order.item]}`.

    White space around it does not matter. A document type with declarations inside it is refused, so no text
    can grow by its own entities, and nothing outside the text is ever read.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if the text parses and has the elements."""
        try:
            found = elements_in(text.strip(), self.required_elements)
        except ValueError as error:
            return Found(False, f"not XML: {error}")
        return _told(self.required_elements, found, "XML")


@CHECKS.register("contains-xml")
class ContainsXml(_Xml):
    """There is a well-formed XML element in the text: `contains-xml: {required_elements: [order.item]}`.

    Text may stand around it. Paths of required elements start at the outermost element, and several elements
    beside one another may have them together.
    """

    def decide(self, text: str, context: Context) -> Found:
        """Hold if an element parses, and the elements asked for are in those that do."""
        found: set[str] = set()
        spans = []
        effort = _EFFORT * len(text) + 10_000
        done = 0
        for start, end in sorted(_elements(text), key=lambda span: (span[0], -span[1])):
            if start < done:
                continue
            effort -= end - start
            if effort < 0:
                raise RowError("too much of the text is nearly XML to search it")
            try:
                found |= elements_in(text[start:end], self.required_elements)
            except ValueError:
                continue
            spans.append((start, end))
            done = end
        if not spans:
            return Found(False, "no XML element")
        told = _told(self.required_elements, found, text[spans[0][0] : spans[0][1]][:80])
        return Found(told.holds, told.evidence, tuple(spans[:100]) if told.holds else ())


def elements_in(text: str, paths: tuple[str, ...]) -> set[str]:
    """Return which of the paths an XML document has.

    Raises:
        ValueError: It is not well-formed, or declares entities of its own.

    >>> elements_in("<a><b/></a>", ("a.b", "a.c"))
    {'a.b'}
    """
    walk = _Walk(paths)
    parser = expat.ParserCreate("utf-8")
    parser.StartElementHandler = walk.start
    parser.EndElementHandler = walk.end
    parser.StartDoctypeDeclHandler = _no_declarations
    try:
        parser.Parse(text.encode("utf-8", "surrogatepass"), True)
    except expat.ExpatError as error:
        raise ValueError(str(error)) from None
    return walk.found


def _no_declarations(name: str, system: str | None, public: str | None, has_internal_subset: int) -> None:
    if has_internal_subset:
        raise ValueError("its document type declares things of its own")


class _Walk:
    """Follows a document's elements along the paths that are looked for, in constant memory for each."""

    def __init__(self, paths: tuple[str, ...]) -> None:
        self.found: set[str] = set()
        self._paths = {path: path.split(".") for path in paths}
        self._followed = dict.fromkeys(paths, 0)  # how many of a path's elements are open
        self._depth = 0

    def start(self, name: str, attributes: object) -> None:
        for path, names in self._paths.items():
            if self._followed[path] == self._depth < len(names) and names[self._depth] == name:
                self._followed[path] += 1
                if self._followed[path] == len(names):
                    self.found.add(path)
        self._depth += 1

    def end(self, name: str) -> None:
        self._depth -= 1
        for path, followed in self._followed.items():
            self._followed[path] = min(followed, self._depth)


def _elements(text: str) -> Iterator[tuple[int, int]]:
    """Yield where elements that are opened and closed start and end; what stands between them may not be XML."""
    opened: list[tuple[str, int]] = []
    for match in _TAG.finditer(text):
        if match["rest"].endswith("/") and not match["close"]:
            yield match.span()
        elif not match["close"]:
            opened.append((match["name"], match.start()))
        elif opened and opened[-1][0] == match["name"]:
            yield opened.pop()[1], match.end()
        else:
            opened.clear()


def _told(paths: tuple[str, ...], found: set[str], evidence: str) -> Found:
    missing = [path for path in paths if path not in found]
    return Found(not missing, "missing elements: " + ", ".join(missing) if missing else evidence)
