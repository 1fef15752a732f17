"""No personal data, no secrets."""

from collections import Counter
from typing import Any, Literal

from pydantic import Field

from kto_data.dataset.data_tests.data_test import DATA_TESTS, DataTest, Given
from kto_data.tables import read_query
from kto_data.texts import personal, secrets

_EXAMPLES = 3


@DATA_TESTS.register("no_pii")
class NoPersonalData(DataTest):
    """No row to be written holds personal data or secrets, found by form and checksum as the rules' `pii` check does."""

    types: tuple[Literal[personal.Kind, "secret"], ...] = Field(
        default=("email", "phone", "credit-card", "iban", "us-ssn", "secret"), min_length=1
    )
    """What to look for."""
    at_most: float = Field(0.0, ge=0, le=1)
    """The share of rows that may hold some."""

    def failures(self, given: Given) -> list[str]:
        """Return what was found, by kind, with some of the rows; never the data themselves."""
        kinds: Counter[str] = Counter()
        found: list[str] = []
        n = 0
        query = (
            "SELECT row_id, prompt, completion FROM rows SEMI JOIN selection USING (row_id) ORDER BY row_id"
        )
        for batch in read_query(given.connection, query, batch_rows=1000):
            for row in batch.to_pylist():
                n += 1
                here = self._kinds(row)
                if here:
                    kinds.update(here)
                    found.append(row["row_id"])
        if len(found) <= self.at_most * n:
            return []
        listed = ", ".join(f"{kind} {count:,}" for kind, count in kinds.most_common())
        return [
            f"{len(found):,} of {n:,} rows hold personal data or secrets ({listed}), such as {', '.join(found[:_EXAMPLES])}; "
            "mask them with `prepare: [{privacy: mask}]`"
        ]

    def _kinds(self, row: dict[str, Any]) -> set[str]:
        text = "\n".join(message["content"] for side in ("prompt", "completion") for message in row[side])
        wanted: list[Any] = [kind for kind in self.types if kind != "secret"]
        kinds: set[str] = {kind for kind, _, _ in personal.find(wanted, text)}
        return kinds | ({"secret"} if "secret" in self.types and secrets.find(text) else set())
