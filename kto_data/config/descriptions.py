"""The text under each option in the source, as its description in JSON Schemas.

Read only when a schema is made: reading the sources takes longer than anything else that a short command does.
"""

import ast
import inspect
import textwrap
from collections.abc import Iterator

from kto_data.config.validate import Options

_described: set[type[Options]] = set()


def describe_options() -> None:
    """Give the options of every model that is loaded their descriptions; those of a base count for what extends it."""
    models = [model for model in _models(Options) if model not in _described]
    _described.update(models)
    for model in models:
        texts = {name: text for base in reversed(model.__mro__) for name, text in _texts(base)}
        for name, field in model.model_fields.items():
            field.description = field.description or texts.get(name)
    for model in [
        *models,
        *models,
    ]:  # a model holds copies of those it consists of: twice, whatever their order
        model.model_rebuild(force=True)


def _models(parent: type[Options]) -> Iterator[type[Options]]:
    """Yield the models below one."""
    level = parent.__subclasses__()
    while level:
        yield from level
        level = [child for model in level for child in model.__subclasses__()]


def _texts(model: type) -> Iterator[tuple[str, str]]:
    """Yield the names that a class's body annotates with a text under them, and the text."""
    if not issubclass(model, Options) or model is Options:
        return
    try:
        source = inspect.getsource(model)
    except (
        OSError,
        TypeError,
    ):  # a plugin without source, such as one typed at a prompt, has no texts to read
        return
    [body] = ast.parse(textwrap.dedent(source)).body
    assert isinstance(body, ast.ClassDef), "a class's source is a class"
    for statement, after in zip(body.body, body.body[1:], strict=False):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        text = (
            after.value.value
            if isinstance(after, ast.Expr) and isinstance(after.value, ast.Constant)
            else None
        )
        if isinstance(text, str):
            yield statement.target.id, inspect.cleandoc(text)
