"""What may be spent on the answers about one input."""

from dataclasses import dataclass

from kto_data.labelers.judges.file_model import Budget


@dataclass(slots=True)
class Spending:
    """What has been spent and what is promised to requests under way.

    Answers that were stored by earlier runs count as what they cost then, so that a run that goes on where another
    was killed has the same budget, not a new one.

    Attributes:
        budget: The limits.
        cost_usd: Spent.
        n_requests: Answers, those of earlier runs included.
        n_tokens: Tokens of requests and answers.
    """

    budget: Budget
    cost_usd: float = 0.0
    n_requests: int = 0
    n_tokens: int = 0
    _held_usd: float = 0.0
    _held_requests: int = 0
    _held_tokens: int = 0

    def reserve(self, cost_usd: float, tokens: int) -> str | None:
        """Hold back what a request may come to at most; return the limit that it would exceed, None if none."""
        limits = (
            ("max_requests", self.budget.max_requests, self.n_requests + self._held_requests + 1),
            ("max_tokens", self.budget.max_tokens, self.n_tokens + self._held_tokens + tokens),
            ("max_cost_usd", self.budget.max_cost_usd, self.cost_usd + self._held_usd + cost_usd),
        )
        for name, most, wanted in limits:
            if most is not None and wanted > most:
                return name
        self._held_usd += cost_usd
        self._held_requests += 1
        self._held_tokens += tokens
        return None

    @property
    def is_measured(self) -> bool:
        """Whether a limit is on something that is known only after the answer."""
        return self.budget.max_cost_usd is not None or self.budget.max_tokens is not None

    @property
    def holds(self) -> bool:
        """Whether requests are under way that may come to less than was held back for them."""
        return self._held_requests > 0

    def release(self, cost_usd: float, tokens: int) -> None:
        """Give back what was held."""
        self._held_usd -= cost_usd
        self._held_requests -= 1
        self._held_tokens -= tokens

    def spend(self, cost_usd: float | None, tokens: int | None) -> None:
        """Count an answer."""
        self.cost_usd += cost_usd or 0.0
        self.n_requests += 1
        self.n_tokens += tokens or 0
