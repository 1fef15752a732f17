"""What a data test is. To add one: one file in this folder with a registered `DataTest`, and one test."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import duckdb

from kto_data.config.validate import Options, validate
from kto_data.config.yaml_file import KeyPath, YamlFile
from kto_data.errors import ConfigError, Mistake, did_you_mean
from kto_data.registry import Registry
from kto_data.votes.labelers import Labeler


@dataclass(frozen=True, slots=True)
class Given:
    """What a test looks at.

    Attributes:
        connection: A DuckDB with the views `rows` and `selection`, and the tables `checked` and `keyed` of `kto check`.
        balance: The facts of the balance step: train, test, weights, order, shortcuts.
        labelers: Who voted.
        rule_blocks: Wide blocks of rule votes.
        vote_blocks: Long blocks of other votes.
    """

    connection: duckdb.DuckDBPyConnection
    balance: Mapping[str, Any]
    labelers: Sequence[Labeler]
    rule_blocks: Sequence[Path]
    vote_blocks: Sequence[Path]


class DataTest(Options, ABC):
    """A test of the rows that are about to be written: its fields are its options in YAML."""

    severity: Literal["error", "warn"] = "error"
    """`error` stops the run before anything is written; `warn` is told and goes on."""

    @abstractmethod
    def failures(self, given: Given) -> list[str]:
        """Return what does not hold, a sentence each, with its figures; empty where all is well."""


DATA_TESTS: Registry[type[DataTest]] = Registry(
    "data test", package="kto_data.dataset.data_tests", group="kto_data.data_tests"
)
"""The tests by the names that pipeline files call them."""


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """A test as a pipeline file lists it."""

    name: str
    test: DataTest


def parse_tests(data: Any, file: YamlFile, path: KeyPath) -> tuple[PlannedTest, ...]:
    """Return the tests of a list such as `[{balance: {between: [0.2, 0.8]}}, no_pii]`.

    Raises:
        ConfigError: With every mistake in the list.
    """
    if not isinstance(data, list):
        raise ConfigError([file.mistake(path, "must be a list of tests, such as [no_pii]")])
    tests: list[PlannedTest] = []
    mistakes: list[Mistake] = []
    for index, item in enumerate(data):
        place: KeyPath = (*path, index)
        try:
            tests.append(_parse(item, file, place))
        except ConfigError as error:
            mistakes.extend(error.mistakes)
    if mistakes:
        raise ConfigError(mistakes)
    return tuple(tests)


def _parse(item: Any, file: YamlFile, place: KeyPath) -> PlannedTest:
    if isinstance(item, Mapping) and len(item) == 1:
        [(name, options)] = item.items()
        place = (*place, name)
    elif isinstance(item, str):
        name, options = item, None
    else:
        raise ConfigError(
            [
                file.mistake(
                    place, "must be a test's name, or one name with its options: {rows: {at_least: 1000}}"
                )
            ]
        )
    if name not in DATA_TESTS:
        message = f"unknown data test {name!r}{did_you_mean(str(name), DATA_TESTS)}"
        raise ConfigError([file.mistake(place, message)])
    return PlannedTest(name, validate(DATA_TESTS.get(name), {} if options is None else options, file, place))
