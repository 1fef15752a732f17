"""The errors that a user can cause, and the exit code of each.

    KtoDataError             anything a user can mend; shown as its message, never as a traceback
    ├── InputError           2  an input file, option or argument is wrong
    │   └── ConfigError      2  mistakes in a YAML file, all of them, each with its line
    ├── UnavailableError     3  something needed is not there or failed (a server, a model, an extra)
    ├── FindingsError        1  the work was done and found something (a test failed, a limit is exceeded)
    └── WaitingError         4  annotators have decisions to make before the run can go on

Everything else that is raised is our own bug and propagates. To add one: subclass, set
`exit_code`, and add a line to this tree.
"""

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass


class KtoDataError(Exception):
    """A mistake or a missing need that the user can mend; its text says where and how."""

    exit_code = 2


class InputError(KtoDataError):
    """An input file, option or argument is wrong."""

    exit_code = 2


class UnavailableError(KtoDataError):
    """Something that the work needs is not there or failed: a server, a model, an extra."""

    exit_code = 3


class FindingsError(KtoDataError):
    """The work was done, and its outcome is over a limit or a test failed."""

    exit_code = 1


class WaitingError(KtoDataError):
    """The run waits for annotators."""

    exit_code = 4


@dataclass(frozen=True, slots=True, order=True)
class Mistake:
    """One mistake in a configuration file.

    Attributes:
        file: The file as the user named it.
        line: Its line, from 1; 0 when the file as a whole is meant.
        key: The key path, such as `rules[2].match.regex`; may be empty.
        message: What is wrong and, where known, what to write instead.
    """

    file: str
    line: int
    key: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place}: {self.key}: {self.message}" if self.key else f"{place}: {self.message}"


class ConfigError(InputError):
    """Every mistake of one or more configuration files, reported at once, in file order."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes: Sequence[Mistake] = tuple(sorted(set(mistakes)))
        super().__init__("\n".join(str(mistake) for mistake in self.mistakes))


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the closest known name, else the list of known names.

    >>> did_you_mean("regx", ["regex", "length"])
    "; did you mean 'regex'?"
    >>> did_you_mean("zzz", ["regex", "length"])
    '; known: length, regex'
    """
    names = sorted(known)
    close = difflib.get_close_matches(name, names, n=1, cutoff=0.6)
    if close:
        return f"; did you mean '{close[0]}'?"
    return f"; known: {', '.join(names)}" if names else ""
