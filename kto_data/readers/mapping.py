"""How records of others are likely to map to our names: for the message that asks the user to say so."""

from collections.abc import Collection

_COMMON = {
    "prompt": ("instruction", "question", "query", "input", "problem"),
    "completion": ("response", "output", "answer", "generation", "generated_text", "model_output"),
    "messages": ("conversation", "chat", "dialog", "turns"),
}
"""What data sets often call them; a guess is shown to the user and never acted upon."""


def suggest_mapping(keys: Collection[str], names: Collection[str] = ("prompt", "completion")) -> str:
    """Return how to map a record's keys, in the words of a pipeline file and of the command line.

    Args:
        keys: What the records have.
        names: Our names that are missing.

    >>> suggest_mapping(["question", "answer", "stars"])
    'map them: columns: {prompt: question, completion: answer} in a pipeline file, --columns prompt=question,completion=answer on the command line'
    """
    found = {name: next((key for key in _COMMON.get(name, ()) if key in keys), "...") for name in names}
    in_file = ", ".join(f"{name}: {key}" for name, key in found.items())
    in_option = ",".join(f"{name}={key}" for name, key in found.items())
    return f"map them: columns: {{{in_file}}} in a pipeline file, --columns {in_option} on the command line"
