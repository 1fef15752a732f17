"""Runs `python -m kto_trainer`."""

import sys

from kto_trainer.cli import main
from kto_trainer.parent import end_with_parent

if __name__ == "__main__":
    end_with_parent()
    sys.exit(main())
