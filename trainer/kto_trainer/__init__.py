"""kto_trainer: the KTO trainer that reads a kto-data dataset folder and writes a checkpoint.

It imports nothing of `kto_data`; the two meet in files. `kto_trainer.options` is free of torch, so that a pipeline
file's `train:` key can be checked before any work.
"""

__version__ = "0.1.0"
