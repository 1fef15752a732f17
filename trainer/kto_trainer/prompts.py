"""The prompts that `generate` answers. Free of torch, so that a wrong file is told before anything heavy is loaded."""

from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from kto_trainer.dataset import Text, read_split
from kto_trainer.errors import TrainerError
from kto_trainer.options import GenerateOptions


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt to answer."""

    prompt_id: str
    prompt: Text


def read_prompts(data: Path | None, prompts: Path | None, options: GenerateOptions) -> list[Prompt]:
    """The distinct prompts of a split, or of a Parquet file with prompt_id and prompt, sorted by prompt_id.

    Raises:
        TrainerError: The file or dataset cannot be read, or holds no prompts.
    """
    found: dict[str, Text] = {}
    if data is not None:
        for row in read_split(data, options.split).texts():
            found.setdefault(row.prompt_id, row.prompt)
    if prompts is not None:
        try:
            table = pq.read_table(prompts, columns=["prompt_id", "prompt"])
        except (pa.ArrowException, OSError) as error:
            reason = str(error).splitlines()[0]
            raise TrainerError(
                f"{prompts}: not a Parquet file with prompt_id and prompt ({reason})"
            ) from None
        for prompt_id, prompt in zip(
            *(table.column(name).to_pylist() for name in table.column_names), strict=True
        ):
            found.setdefault(str(prompt_id), prompt)
    if not found:
        raise TrainerError(f"{data or prompts}: holds no prompts; nothing to answer")
    return [Prompt(key, found[key]) for key in sorted(found)][: options.limit]
