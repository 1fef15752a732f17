"""What an aggregation method is: votes in, the probability that each sample is desirable out."""

from abc import abstractmethod

from kto_data.config.validate import Options
from kto_data.registry import Registry
from kto_data.votes.table import Floats, VoteTable


class Method(Options):
    """An aggregation method; its fields are its options in a pipeline file."""

    @abstractmethod
    def posterior(self, votes: VoteTable) -> Floats:
        """Return p_desirable in [0, 1] for each of the N samples; NaN where nobody voted."""


METHODS: Registry[type[Method]] = Registry(
    "aggregation method", package="kto_data.aggregators", group="kto_data.aggregators"
)
