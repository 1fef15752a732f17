"""Whether what a rule file requires is installed."""

from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version

from kto_data.config.yaml_file import YamlFile
from kto_data.errors import Mistake


def missing_requirements(file: YamlFile, requirements: Sequence[str]) -> Iterator[Mistake]:
    """Yield a mistake for each entry of `requires` that is not installed in a version that it allows."""
    for index, text in enumerate(requirements):
        problem = _problem(text)
        if problem:
            yield file.mistake(("requires", index), problem)


def _problem(text: str) -> str | None:
    from packaging.requirements import InvalidRequirement, Requirement

    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return f"{text!r} is no requirement such as 'kto-data>=0.2'"
    if requirement.marker and not requirement.marker.evaluate():
        return None
    try:
        installed = version(requirement.name)
    except PackageNotFoundError:
        return f"needs {text}, which is not installed: pip install '{text}'"
    if requirement.specifier.contains(installed, prereleases=True):
        return None
    return f"needs {text}, and {installed} is installed: pip install --upgrade '{text}'"
