"""The tables that the parts of kto-data hand to one another, and the ids in them.

All are Parquet (zstd) with these pyarrow schemas; the schema version stands in the file's metadata.
"""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import xxhash

from kto_data.vote_codes import ABSTAIN as ABSTAIN
from kto_data.vote_codes import DESIRABLE as DESIRABLE
from kto_data.vote_codes import UNDESIRABLE as UNDESIRABLE
from kto_data.vote_codes import VOTE_NAMES as VOTE_NAMES

SCHEMA_VERSION = 1
"""Changed when a table changes its meaning; readers refuse another version."""

MESSAGE = pa.struct(
    [
        pa.field("role", pa.string(), nullable=False),
        pa.field("content", pa.string(), nullable=False),
        pa.field("reasoning", pa.string()),
        pa.field("tool_calls", pa.string()),  # JSON, as logged
        pa.field("name", pa.string()),
    ]
)
"""One message of a conversation."""

MESSAGES = pa.list_(MESSAGE)

_FILE_METADATA = {"kto_data.schema_version": str(SCHEMA_VERSION)}


def rows_schema(meta: pa.StructType | None = None) -> pa.Schema:
    """Return the schema of `rows`: one occurrence of an output a row.

    Args:
        meta: The run's metadata columns, inferred from its input; None for a run without any.
    """
    return pa.schema(
        [
            pa.field("row_id", pa.string(), nullable=False),
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("conversation_id", pa.string()),
            pa.field("prompt", MESSAGES, nullable=False),
            pa.field("completion", MESSAGES, nullable=False),
            pa.field("next_turn", MESSAGES),  # evidence only, never trained on
            pa.field("source", pa.string(), nullable=False),
            pa.field("model", pa.string()),
            pa.field("created_at", pa.timestamp("us", tz="UTC")),
            pa.field("finish_reason", pa.string()),
            # Parquet cannot hold a struct without fields, so a run without metadata has one null field
            pa.field(
                "meta", meta if meta is not None and meta.num_fields else pa.struct([("none", pa.string())])
            ),
        ],
        metadata=_FILE_METADATA,
    )


VOTES = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("row_id", pa.string()),  # set when the vote is about an event, such as a thumb
        pa.field("labeler", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),
        pa.field("vote", pa.int8(), nullable=False),
        pa.field("score", pa.float64()),
        pa.field("reason", pa.string()),
        pa.field("spans", pa.list_(pa.struct([("start", pa.int32()), ("end", pa.int32())]))),
        pa.field("user", pa.string()),
        pa.field("p_selected", pa.float64()),
        pa.field("batch", pa.string()),
        pa.field("cost_usd", pa.float64()),
        pa.field("tokens_in", pa.int64()),
        pa.field("tokens_out", pa.int64()),
        pa.field("created_at", pa.timestamp("us", tz="UTC")),
    ],
    metadata=_FILE_METADATA,
)
"""Votes of judges, annotators and feedback, one a row. Rule votes are wide: see `rule_votes_schema`."""


def rule_votes_schema(rule_ids: Sequence[str]) -> pa.Schema:
    """Return the schema of a block of rule votes: one int8 column a rule (+1, -1, 0; null = not applicable)."""
    ids = [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("sample_id", pa.string(), nullable=False),
    ]
    return pa.schema([*ids, *(pa.field(rule, pa.int8()) for rule in rule_ids)], metadata=_FILE_METADATA)


FAULTS = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("labeler", pa.string(), nullable=False),
        pa.field("error", pa.string(), nullable=False),
    ],
    metadata=_FILE_METADATA,
)
"""A labeler that failed on a row. Never a vote."""

LABELERS = pa.schema(
    [
        pa.field("labeler", pa.string(), nullable=False),
        pa.field("version", pa.string(), nullable=False),  # a hash of the definition
        pa.field("kind", pa.string(), nullable=False),  # rule, judge, annotator, feedback
        pa.field("mode", pa.string(), nullable=False),  # vote, veto, shadow
        pa.field("about", pa.string(), nullable=False),  # content, or event: then its votes carry row_id
        pa.field("weight", pa.float64()),  # null = auto
        pa.field("group", pa.string()),
        pa.field("cap_per", pa.string()),
        pa.field("cap_max", pa.int64()),
        pa.field("priority", pa.int64(), nullable=False),
        pa.field("prior_mean", pa.float64()),
        pa.field("prior_strength", pa.float64()),
        pa.field("definition", pa.string(), nullable=False),  # JSON
    ],
    metadata=_FILE_METADATA,
)
"""Who may vote, and how each vote counts."""

GOLD = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.bool_(), nullable=False),
        pa.field("source", pa.string(), nullable=False),
        pa.field("p_selected", pa.float64()),  # null = drawn like all others
    ],
    metadata=_FILE_METADATA,
)
"""Samples whose label is known to be right."""

LABELS = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("label", pa.bool_()),  # null = undecided
        pa.field("p_desirable", pa.float64()),
        pa.field("decided_by", pa.string(), nullable=False),
        pa.field("n_votes", pa.int32(), nullable=False),
        pa.field("conflict", pa.bool_(), nullable=False),
    ],
    metadata=_FILE_METADATA,
)
"""What the votes of each sample came to."""

DISPUTES = pa.schema(
    [
        pa.field("sample_id", pa.string(), nullable=False),
        pa.field("kind", pa.string(), nullable=False),  # annotators_disagree, vetoes_contradict
        pa.field("desirable", pa.list_(pa.string()), nullable=False),  # the labelers who say so
        pa.field("undesirable", pa.list_(pa.string()), nullable=False),
    ],
    metadata=_FILE_METADATA,
)
"""Samples on which those who outrank the aggregate contradict one another: a person has to adjudicate."""

DROPPED = pa.schema(
    [
        pa.field("row_id", pa.string(), nullable=False),
        pa.field("step", pa.string(), nullable=False),
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
    ],
    metadata=_FILE_METADATA,
)
"""Rows that a step left out, and why."""

QUARANTINED = pa.schema(
    [
        pa.field("file", pa.string(), nullable=False),
        pa.field("record", pa.int64(), nullable=False),  # from 1: the line of a JSONL file, else the record
        pa.field("reason", pa.string(), nullable=False),
        pa.field("detail", pa.string()),
        pa.field("excerpt", pa.string()),
    ],
    metadata=_FILE_METADATA,
)
"""Records that could not be read, and why."""


def dataset_schema(messages: pa.DataType) -> pa.Schema:
    """Return the schema of a dataset shard: TRL's unpaired preference format first, then what we know besides.

    Args:
        messages: The type of `prompt` and `completion`: lists of role and content, with the rarer
            message fields only when the dataset has any, because chat templates test for a key's presence.
    """
    return pa.schema(
        [
            pa.field("prompt", messages, nullable=False),
            pa.field("completion", messages, nullable=False),
            pa.field("label", pa.bool_(), nullable=False),
            pa.field("weight", pa.float32(), nullable=False),
            pa.field("sample_id", pa.string(), nullable=False),
            pa.field("row_id", pa.string(), nullable=False),
            pa.field("prompt_id", pa.string(), nullable=False),
            pa.field("source", pa.string(), nullable=False),
            pa.field("p_desirable", pa.float64()),
            pa.field("decided_by", pa.string(), nullable=False),
        ],
        metadata=_FILE_METADATA,
    )


def content_id(*conversations: Sequence[Mapping[str, Any]]) -> str:
    """Return the 32 hex digits that stand for these message lists: xxh3_128 of their canonical JSON.

    `content_id(prompt)` is a prompt_id, `content_id(prompt, completion)` a sample_id. Keys
    with a null value do not count, so a message with `"name": null` equals one without.

    >>> content_id([{"role": "user", "content": "hi"}]) == content_id([{"content": "hi", "role": "user", "name": None}])
    True
    """
    canonical = [
        [{key: value for key, value in message.items() if value is not None} for message in messages]
        for messages in conversations
    ]
    text = json.dumps(canonical, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    return xxhash.xxh3_128_hexdigest(text.encode("utf-8"))
