"""Intervals, ranking measures and agreement: pure functions on numpy arrays, each with its source."""
