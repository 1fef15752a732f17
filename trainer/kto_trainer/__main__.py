"""Runs `python -m kto_trainer`."""

import sys

from kto_trainer.cli import main

if __name__ == "__main__":
    sys.exit(main())
