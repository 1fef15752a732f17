"""What an aggregation method is: votes in, the probability that each sample is desirable out.

Shapes: N samples, M labelers, V entries of the vote table.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from kto_data.config.validate import Options
from kto_data.registry import Registry
from kto_data.votes.table import Floats, Ints, VoteTable


@dataclass(frozen=True, slots=True, eq=False)
class Gold:
    """Samples whose label is known to be right.

    Attributes:
        sample_G: Index of each gold sample among the N, without repetition.
        label_G: Whether it is desirable.
        p_selected_G: The probability with which it was chosen to be labelled; None when all N were
            equally likely.
        prompt_N: A number for the prompt of each of the N samples; samples of one prompt are held out
            together. None holds out each sample by itself.
    """

    sample_G: Ints
    label_G: npt.NDArray[np.bool_]
    p_selected_G: Floats | None = None
    prompt_N: Ints | None = None

    def __post_init__(self) -> None:
        assert len(self.sample_G) == len(self.label_G), "one label a gold sample"
        assert len(np.unique(self.sample_G)) == len(self.sample_G), "a gold sample has one label"

    def __len__(self) -> int:
        return len(self.sample_G)

    def importance(self) -> Floats:
        """Return 1 / p_selected of each gold sample, scaled to a mean of 1."""
        if self.p_selected_G is None:
            return np.ones(len(self))
        inverse_G = 1.0 / np.clip(self.p_selected_G, 1e-9, 1.0)
        return inverse_G / inverse_G.mean() if len(self) else inverse_G


@dataclass(frozen=True, slots=True, eq=False)
class Aggregate:
    """What a method made of the votes.

    Attributes:
        p_desirable_N: The probability that each sample is desirable, in [0, 1]; NaN where the method
            has no evidence (nobody voted; methods that learn from gold what silence means answer there too).
        method: Whose answer it is: the method's own name, or that of the one it fell back to.
        p_held_out_G: For each gold sample, the probability given by a fit that had not seen its label
            nor that of another sample of its prompt; None when the method learns nothing from gold.
        warnings: What the user should know, one sentence each.
        worth_M: Log-odds that a labeler's vote for `desirable` adds, and ...
        worth_against_M: ... that its vote against adds; None where votes do not simply add up.
        facts: Figures for reports, such as the estimated accuracy of labelers: name to number.
        fitted: What the method's own `refit` begins with, where it has one.
    """

    p_desirable_N: Floats
    method: str
    p_held_out_G: Floats | None = None
    warnings: Sequence[str] = ()
    worth_M: Floats | None = None
    worth_against_M: Floats | None = None
    facts: dict[str, float] = field(default_factory=dict)
    fitted: object = None


class Method(Options):
    """An aggregation method; its fields are its options in a pipeline file.

    What a labeler states means the same everywhere: `weight` is a factor on its evidence (0 silences
    it), `prior_mean` and `prior_strength` are as if so many votes of that precision had been seen, and of a
    group only the strongest labeler that voted on a sample is heard (done before a method is asked).
    A method that cannot use one of them says so in its docstring and warns.
    """

    @abstractmethod
    def aggregate(self, votes: VoteTable, gold: Gold | None = None) -> Aggregate:
        """Return the probabilities, with what there is to say about them.

        Args:
            votes: Whose labelers all count; shadow votes and the weaker of a group are already left out.
            gold: Known labels; methods that learn from the votes alone ignore them.
        """

    def refit(self, votes: VoteTable, gold: Gold | None, before: Aggregate) -> Aggregate:
        """Return the probabilities of nearly the same votes; see `aggregate`.

        Args:
            votes: The votes, some left out.
            gold: The same gold.
            before: What `aggregate` made of all votes; a method may keep what took it long to choose.
        """
        return self.aggregate(votes, gold)

    def posterior(self, votes: VoteTable, gold: Gold | None = None) -> Floats:
        """Return p_desirable of each of the N samples alone; see `aggregate`."""
        return self.aggregate(votes, gold).p_desirable_N


METHODS: Registry[type[Method]] = Registry(
    "aggregation method", package="kto_data.aggregators", group="kto_data.aggregators"
)
