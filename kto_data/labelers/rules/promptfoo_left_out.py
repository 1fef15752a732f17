"""The names of promptfoo's assertions that are no checks here, and why."""

from collections.abc import Mapping

_A_JUDGE = "asks a model for its opinion: that is a judge, defined in a judge file and named by `vote: {judge: NAME}`"
_A_TRACE = "looks at a trace of spans, and rows have none; put what counts into `meta` and use `sql`, or use `tool-call-f1`"
_A_SCRIPT = "would run code of another language; write it in Python and name it with `python: {ref: FILE.py:FUNCTION}`"

_OF_JUDGES = (
    "llm-rubric",
    "g-eval",
    "answer-relevance",
    "context-faithfulness",
    "context-recall",
    "context-relevance",
    "conversation-relevance",
    "factuality",
    "model-graded-closedqa",
    "model-graded-factuality",
    "pi",
    "search-rubric",
    "agent-rubric",
    "trajectory:goal-success",
)
_OF_TRACES = (
    "trace-span-count",
    "trace-span-duration",
    "trace-error-spans",
    "trajectory:tool-used",
    "trajectory:tool-args-match",
    "trajectory:tool-sequence",
    "trajectory:step-count",
)

NOT_HERE: Mapping[str, str] = {
    "assert-set": "belongs into an `assert` list; here, join checks with all, any, not or at_least",
    "latency": "is about the call, not the output; with a column for it, say sql: 'meta.latency_ms <= 2000'",
    "cost": "is about the call, not the output; with a column for it, say sql: 'meta.cost_usd <= 0.001'",
    "perplexity-score": "is a score without a limit of its own; use `perplexity` with `max`: a score s is max 1/s - 1",
    "guardrails": "is what a provider's guardrail said; with a column for it, say sql: 'meta.flagged'",
    "javascript": _A_SCRIPT,
    "ruby": _A_SCRIPT,
    "webhook": "would send outputs over the network; name a Python function that asks the service with `python`",
    "skill-used": "looks at what a provider says of skills; with a column for it, use `sql` or `contains` on `meta.<column>`",
    "meteor": "needs WordNet's synonyms, which are not shipped; use `rouge-n`, `gleu` or `similar`",
    "f-score": "is a figure over many outputs, not about one; the report tells precision and recall of rules",
    "human": "is a person's decision: annotators vote through Label Studio, not through a rule",
    "similar:dot": "depends on how long the model's vectors are; use `similar`, which compares their angle",
    "similar:euclidean": "depends on how long the model's vectors are; use `similar`, which compares their angle",
    "similar:cosine": "is called `similar` here",
    "select-best": "compares several outputs; a rule looks at one",
    "max-score": "compares several outputs; a rule looks at one",
    **dict.fromkeys(_OF_JUDGES, _A_JUDGE),
    **dict.fromkeys(_OF_TRACES, _A_TRACE),
}
"""Assertions of promptfoo that are no checks, by name, with the reason and what to use instead."""
