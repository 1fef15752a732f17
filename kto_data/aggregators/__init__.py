"""Votes to labels: one aggregation method a file, and the policy that decides."""
