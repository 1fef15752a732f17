"""Annotators: batches to a Label Studio server and their decisions back, as votes of `human:<annotator>`."""
