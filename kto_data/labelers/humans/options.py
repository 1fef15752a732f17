"""`label.humans`: how annotators are asked."""

import os
from collections.abc import Mapping
from typing import Any

from pydantic import Field, ValidationError, field_validator

from kto_data.config.validate import Options
from kto_data.errors import InputError, did_you_mean
from kto_data.labelers.humans.sampling.strategy import STRATEGIES, Strategy

URL_VARIABLE, TOKEN_VARIABLE = "LABEL_STUDIO_URL", "LABEL_STUDIO_API_KEY"


class ServerOptions(Options):
    """Where the server is; the token stands in the environment (LABEL_STUDIO_API_KEY), never in a file."""

    url: str = f"${URL_VARIABLE}"
    """Its address; `$NAME` is taken from the environment."""
    project: str = Field(min_length=3, max_length=50)
    """The project's title; it is made on first use."""
    timeout_s: float = Field(60.0, gt=0.0)
    """How long a request may take."""


class BatchOptions(Options):
    """What a batch is made of."""

    budget: int = Field(ge=1)
    """Items, with the gold among them; each is shown to `overlap` annotators. Each further round of training has as many again."""
    overlap: int = Field(2, ge=1)
    """Annotators that each item is given to. Two who agree decide; one alone is a vote among others."""
    strategy: str | dict[str, dict[str, Any]] = "mixed"
    """Which samples: random, uncertain, disagreement, stratified, neyman or mixed; with options as `{mixed: {random: 0.5, ...}}`."""
    gold_share: float = Field(0.1, ge=0.0, lt=1.0)
    """Of the items, so many have a label that is known, as far as there is gold: they measure annotators."""
    show_suggestions: bool = False
    """Offer what rules and judges say, behind the annotator's own verdict. It biases people."""

    @field_validator("strategy")
    @classmethod
    def _known(cls, given: str | dict[str, dict[str, Any]]) -> str | dict[str, dict[str, Any]]:
        strategy_of(given)
        return given

    def chosen_strategy(self) -> Strategy:
        """Return the strategy with its options."""
        return strategy_of(self.strategy)

    @property
    def strategy_name(self) -> str:
        """The strategy's name."""
        return self.strategy if isinstance(self.strategy, str) else next(iter(self.strategy))


class HumansOptions(BatchOptions):
    """Annotators in a pipeline: the run waits until enough items are answered."""

    label_studio: ServerOptions
    min_share: float = Field(1.0, ge=0.0, le=1.0)
    """The run goes on when this share of the items is answered ..."""
    min_per_item: int | None = Field(None, ge=1)
    """... each by so many annotators; all of the overlap when left out."""

    @property
    def answers_per_item(self) -> int:
        """How many answers make an item answered."""
        return min(self.overlap, self.min_per_item or self.overlap)


def strategy_of(given: str | Mapping[str, Any]) -> Strategy:
    """Return a strategy from its name, or from its name and options.

    Raises:
        ValueError: There is none of that name, or an option is wrong.
    """
    if isinstance(given, Mapping) and len(given) != 1:
        raise ValueError("one strategy is named, with its options")
    name, options = (given, {}) if isinstance(given, str) else next(iter(given.items()))
    if name not in STRATEGIES:
        raise ValueError(f"{name!r} is no strategy{did_you_mean(name, STRATEGIES)}")
    try:
        return STRATEGIES.get(name).model_validate(options)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc'])) or name}: {one['msg']}" for one in error.errors())
        raise ValueError(f"strategy {name}: {wrong}") from None


def server_url(given: str | None) -> str:
    """Return the server's address, from the environment where `$NAME` or nothing is given.

    Raises:
        InputError: The variable is not set.
    """
    given = given or f"${URL_VARIABLE}"
    if not given.startswith("$"):
        return given
    name = given[1:].strip("{}")
    found = os.environ.get(name, "")
    if not found:
        raise InputError(
            f"no address of a Label Studio server: set {name}, or give it (--url, or label.humans.label_studio.url)"
        )
    return found


def server_token() -> str:
    """Return the token from the environment.

    Raises:
        InputError: There is none.
    """
    token = os.environ.get(TOKEN_VARIABLE, "").strip()
    if not token:
        raise InputError(
            f"no token: set {TOKEN_VARIABLE} to the one under Account & Settings of Label Studio"
        )
    return token
