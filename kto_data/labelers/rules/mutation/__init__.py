"""Mutation testing: a rule is changed a little, and its tests should notice.

R. A. DeMillo, R. J. Lipton, F. G. Sayward (1978), Hints on test data selection: help for the practicing programmer,
Computer 11(4), 34-41, https://doi.org/10.1109/C-M.1978.218136
"""

from kto_data.labelers.rules.mutation.run import MutationResult, Survivor, test_mutants

__all__ = ["MutationResult", "Survivor", "test_mutants"]
