"""The vote log: who voted what on which sample, and who the labelers are."""
