"""kto-data: from raw model outputs to trustworthy desirable/undesirable datasets for KTO."""

__version__ = "0.1.0"
