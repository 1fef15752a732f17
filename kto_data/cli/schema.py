"""`kto schema`: the JSON Schema of a file format, for editors."""

import json
from typing import Annotated, Any, Literal

import typer


def schema(
    which: Annotated[Literal["pipeline", "rules", "judge"], typer.Argument(help="Which file format.")],
) -> None:
    """Print the JSON Schema of pipeline, rule or judge files, with every key described."""
    found: dict[str, Any]
    if which == "pipeline":
        from kto_data.pipeline.json_schema import pipeline_schema

        found = pipeline_schema()
    elif which == "judge":
        from kto_data.labelers.judges.json_schema import judge_schema

        found = judge_schema()
    else:
        from kto_data.labelers.rules.json_schema import json_schema

        found = json_schema()
    print(json.dumps(found, indent=2, ensure_ascii=False))
