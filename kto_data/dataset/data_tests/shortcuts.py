"""Labels that can be told without reading the output."""

from pydantic import Field

from kto_data.dataset.data_tests.data_test import DATA_TESTS, DataTest, Given


@DATA_TESTS.register("shortcuts")
class NoShortcuts(DataTest):
    """Neither surface features nor the prompt alone foretell the label: `{shortcuts: {surface: 0.8, prompt: 0.8}}`."""

    surface: float = Field(1.0, ge=0.5, le=1)
    """The highest AUC from surface features that is let pass."""
    prompt: float = Field(1.0, ge=0.5, le=1)
    """... and from the prompt alone."""
    length_gap: float | None = Field(None, ge=0)
    """The largest gap of mean log length between the classes, in standard deviations."""

    def failures(self, given: Given) -> list[str]:
        """Return each that is too telling."""
        audit = given.balance["shortcuts"]
        failures = []
        for key, most, what in (
            ("surface", self.surface, "surface features"),
            ("prompt", self.prompt, "the prompt alone"),
        ):
            found = audit[key]
            if found and found["estimate"] > most:
                failures.append(
                    f"{what} foretell the label with an AUC of {found['estimate']:.3f}, over {most:g}"
                )
        gap = audit["length_gap"]
        if gap is not None and self.length_gap is not None and abs(gap) > self.length_gap:
            failures.append(
                f"the lengths of the classes are {abs(gap):.2f} standard deviations apart, over {self.length_gap:g}"
            )
        return failures
