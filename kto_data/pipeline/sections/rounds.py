"""`rounds:`: train, let the trained model answer, label its answers, train on."""

from pydantic import Field

from kto_data.config.validate import Options

MOST_ROUNDS = 20


class RoundsOptions(Options):
    """From the second round on, the trained model answers training prompts; the same labelers label its answers."""

    n: int = Field(1, ge=1, le=MOST_ROUNDS)
    """How often the model is trained; 1 trains once, on what was read."""
    prompts: int = Field(500, ge=1)
    """At most so many training prompts are answered in each round; never held-out ones."""
    max_new_tokens: int = Field(96, ge=1)
    """The longest answer, in tokens."""
    temperature: float = Field(1.0, ge=0.0)
    """0 takes the likeliest token; 1 samples the model as it is."""
