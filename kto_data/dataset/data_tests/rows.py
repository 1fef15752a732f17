"""How much there is to train and test on."""

from pydantic import Field

from kto_data.dataset.data_tests.data_test import DATA_TESTS, DataTest, Given


@DATA_TESTS.register("rows")
class EnoughRows(DataTest):
    """There are enough rows: `{rows: {at_least: 1000, of_each_label: 200}}`."""

    at_least: int = Field(0, ge=0)
    """Train rows."""
    of_each_label: int = Field(1, ge=0)
    """Train rows of the smaller class."""
    test: int = Field(0, ge=0)
    """Test rows."""

    def failures(self, given: Given) -> list[str]:
        """Return each count that is too small."""
        train = given.balance["train"]
        smaller = min(train["n_desirable"], train["n_undesirable"])
        counts = (
            (train["n_rows"], self.at_least, "train rows"),
            (smaller, self.of_each_label, "train rows of the smaller class"),
            (given.balance["test"]["n_rows"], self.test, "test rows"),
        )
        return [f"{n:,} {what}, fewer than {least:,}" for n, least, what in counts if n < least]
