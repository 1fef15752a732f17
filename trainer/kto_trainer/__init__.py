"""kto_trainer: the KTO trainer that reads a kto-data dataset folder and writes a checkpoint."""

__version__ = "0.1.0"
