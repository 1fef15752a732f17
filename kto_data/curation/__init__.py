"""Which rows go on: steps that drop rows with a reason, and the split by group. One step a file."""
