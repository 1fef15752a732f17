"""The pipeline: its file, its steps in order, and the trainer as a subprocess."""
