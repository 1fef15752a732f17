"""Agreement of annotators beyond chance."""

from itertools import combinations

import numpy as np
import numpy.typing as npt
from pydantic import Field

from kto_data.dataset.data_tests.data_test import DATA_TESTS, DataTest, Given
from kto_data.statistics.agreement import cohen_kappa, confusion
from kto_data.tables import add_view


@DATA_TESTS.register("kappa")
class KappaAtLeast(DataTest):
    """Annotators agree beyond chance (Cohen's kappa of every two of them): `{kappa: {at_least: 0.6}}`.

    Votes of one labeler by several users are told apart by user.
    """

    at_least: float = Field(ge=-1, le=1)
    """The least kappa of any two."""
    labelers: list[str] = []
    """Whom to compare; all annotators by default."""
    overlap: int = Field(20, ge=1)
    """Two who have fewer samples in common are not compared; if no two have, the test fails."""

    def failures(self, given: Given) -> list[str]:
        """Return each two who agree too little."""
        names = self.labelers or [one.name for one in given.labelers if one.kind == "annotator"]
        votes = _votes(given, names)
        compared = 0
        failures = []
        for first, second in combinations(sorted(votes), 2):
            counts = confusion(votes[first], votes[second])
            kappa = cohen_kappa(counts)
            if counts.n_compared < self.overlap:
                continue
            compared += 1
            if kappa is not None and kappa < self.at_least:
                failures.append(
                    f"kappa of {first} and {second} is {kappa:.2f} on {counts.n_compared:,} samples, under {self.at_least:g}; "
                    "make their guidelines agree, or have the samples adjudicated"
                )
        if not compared:
            who = ", ".join(sorted(votes)) or "nobody"
            return [
                f"no two annotators ({who}) have {self.overlap} samples in common, so their agreement is unknown"
            ]
        return failures


def _votes(given: Given, names: list[str]) -> dict[str, npt.NDArray[np.int8]]:
    """Each annotator's votes on the samples of the dataset, 0 where there is none."""
    con = given.connection
    con.execute("CREATE OR REPLACE TABLE samples AS SELECT sample_id, row_number() OVER (ORDER BY sample_id) - 1 AS place "
                "FROM (SELECT DISTINCT sample_id FROM checked)")  # fmt: skip
    [(n,)] = con.execute("SELECT count(*) FROM samples").fetchall()
    votes: dict[str, npt.NDArray[np.int8]] = {}
    for number, block in enumerate(given.vote_blocks):
        add_view(con, f"kappa_block_{number}", block)
        found = con.execute(
            f"SELECT labeler || coalesce(' (' || user || ')', ''), place, sum(vote) FROM kappa_block_{number} "  # noqa: S608 - a number of ours
            "JOIN samples USING (sample_id) WHERE list_contains(?, labeler) GROUP BY ALL",
            [names],
        )
        for who, place, vote in found.fetchall():
            votes.setdefault(who, np.zeros(n, dtype=np.int8))[place] = np.sign(vote)
    return votes
