"""The share of desirable rows."""

from typing import Annotated

from pydantic import AfterValidator, Field

from kto_data.dataset.data_tests.data_test import DATA_TESTS, DataTest, Given

Share = Annotated[float, Field(ge=0, le=1)]


def _rising(ends: tuple[float, float]) -> tuple[float, float]:
    if ends[0] > ends[1]:
        raise ValueError(f"must be two shares, the smaller first, not [{ends[0]}, {ends[1]}]")
    return ends


@DATA_TESTS.register("balance")
class BalanceBetween(DataTest):
    """The share of desirable train rows lies in a range: `{balance: {between: [0.2, 0.8]}}`."""

    between: Annotated[tuple[Share, Share], AfterValidator(_rising)]
    """The lowest and the highest share."""

    def failures(self, given: Given) -> list[str]:
        """Return the share where it lies outside."""
        train = given.balance["train"]
        share, (low, high) = train["share_desirable"], self.between
        if share is None:
            return ["there is no train row"]
        if low <= share <= high:
            return []
        return [
            f"{share:.1%} of the train rows are desirable ({train['n_desirable']:,} of {train['n_rows']:,}), outside "
            f"[{low:g}, {high:g}]; add labelers that vote the other way, or cap the larger class"
        ]
