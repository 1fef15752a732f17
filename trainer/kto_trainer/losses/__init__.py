"""Losses: one pure function a file, from log-probabilities to one loss a row."""
