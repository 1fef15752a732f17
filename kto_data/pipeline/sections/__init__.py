"""The sections of a pipeline file that need more than a table of keys, one a file."""
