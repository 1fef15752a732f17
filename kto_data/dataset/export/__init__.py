"""Datasets as other trainers read them: one file a trainer. To add one: a file with a registered `Target`, and a test."""
