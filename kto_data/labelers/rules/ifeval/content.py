"""Placeholders and postscripts."""

import re

from kto_data.labelers.rules.ifeval.instruction import instruction

_PLACEHOLDER = re.compile(r"\[.*?\]")
_POSTSCRIPTS = {"P.P.S": r"p\.\s?p\.\s?s", "P.S.": r"p\.\s?s\."}


@instruction("detectable_content:number_placeholders")
def number_placeholders(text: str, *, num_placeholders: int) -> bool:
    """The text has at least so many placeholders: square brackets that open and close in one line."""
    return len(_PLACEHOLDER.findall(text)) >= num_placeholders


@instruction("detectable_content:postscript")
def postscript(text: str, *, postscript_marker: str) -> bool:
    """The text has a postscript: the marker anywhere, in upper or lower case.

    In `P.S.` and `P.P.S` there may be white space after each full stop but the last.
    """
    marker = postscript_marker.strip()
    return re.search(_POSTSCRIPTS.get(marker, re.escape(marker.lower())), text.lower()) is not None
