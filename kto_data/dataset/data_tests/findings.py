"""Nothing that `kto check` would call an error."""

from collections.abc import Iterator
from typing import Any, Literal

from kto_data.balance.order_facts import OrderFacts
from kto_data.dataset.check.batches import check_batches
from kto_data.dataset.check.content import check_content
from kto_data.dataset.check.finding import SEVERITIES, Finding
from kto_data.dataset.check.tokens import check_markers
from kto_data.dataset.data_tests.data_test import DATA_TESTS, DataTest, Given


@DATA_TESTS.register("findings")
class FewFindings(DataTest):
    """`kto check` finds nothing worse in content and order than is said: `{findings: {at_worst: warning}}`.

    That is: empty, repeated, contradicting and canned rows, leaks between splits, batches of one label, markers of chat
    templates.
    """

    at_worst: Literal["error", "warning", "note"] = "warning"
    """The worst severity that is let pass."""
    ignore: list[str] = []
    """Findings by name that are let pass, such as duplicates."""

    def failures(self, given: Given) -> list[str]:
        """Return each finding that is worse."""
        return [
            f"{one.name} ({one.severity}): {one.reason} {one.fix}"
            for one in _found(given)
            if one.name not in self.ignore
            and SEVERITIES.index(one.severity) < SEVERITIES.index(self.at_worst)
        ]


def _found(given: Given) -> Iterator[Finding]:
    yield from check_content(given.connection)
    yield from check_markers(given.connection)
    yield from check_batches(OrderFacts(**_with_sizes(given.balance["order"]["train"])))


def _with_sizes(facts: dict[str, Any]) -> dict[str, Any]:  # JSON has texts for keys
    shares = facts["single_label_batches"]
    return facts | {"single_label_batches": {int(size): share for size, share in shares.items()}}
