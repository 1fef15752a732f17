"""Whoever started the trainer and is killed must not leave it behind, at work on a folder that the next one takes over."""

import os
import threading
import time

VARIABLE = "KTO_TRAINER_PARENT"
"""Environment variable with the process that a trainer ends with; without it, it goes on by itself."""
_SECONDS = 0.2


def end_with_parent() -> None:
    """Watch the process that `KTO_TRAINER_PARENT` names, and end as soon as it is gone; without it do nothing."""
    parent = os.environ.get(VARIABLE)
    if parent is not None:
        threading.Thread(target=_watch, args=(int(parent),), daemon=True).start()


def _watch(parent: int) -> None:
    while os.getppid() == parent:
        time.sleep(_SECONDS)
    os._exit(1)  # at once: what is whole is on disk, and what is not would not be
