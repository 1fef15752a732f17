"""Answers of models, as the trainer writes them."""

import pyarrow as pa
import pytest


def answers_of(*texts, prompt="question"):
    lines = [
        {
            "prompt_id": f"p{i}",
            "prompt": [{"role": "user", "content": f"{prompt} {i}"}],
            "completion": [{"role": "assistant", "content": text}],
            "finish_reason": "stop",
        }
        for i, text in enumerate(texts)
    ]
    message = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
    schema = pa.schema(
        [
            ("prompt_id", pa.string()),
            ("prompt", message),
            ("completion", message),
            ("finish_reason", pa.string()),
        ]
    )
    return pa.Table.from_pylist(lines, schema=schema)


@pytest.fixture
def answers():
    """Makes the table of a model's answers to `question 0`, `question 1`, ..."""
    return answers_of
