"""How many tokens a question will come to, before a server has counted them."""

from kto_data.labelers.judges.question import Question

_BYTES_PER_TOKEN = 3.0
"""English text has about four bytes a token, code and other languages fewer: an estimate that is rather too high."""
_PER_MESSAGE = 8
_NO_LIMIT = 1024


def estimate_tokens(question: Question) -> int:
    """Return about how many tokens the request has, rather too many.

    >>> estimate_tokens(Question([{"role": "user", "content": "x" * 300}]))
    108
    """
    n_bytes = sum(len(one["content"].encode("utf-8", "replace")) for one in question.messages)
    return round(n_bytes / _BYTES_PER_TOKEN) + _PER_MESSAGE * len(question.messages)


def most_tokens_out(question: Question) -> int:
    """Return how many tokens the answer may have; 1,024 where the question sets no limit."""
    if question.words:
        return 1
    given = question.parameters.get("max_tokens", question.parameters.get("max_completion_tokens"))
    return given if isinstance(given, int) else _NO_LIMIT
