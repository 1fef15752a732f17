"""The trainer's errors: what a user did or what a machine lacks, each with its exit code.

    TrainerError          the user's input is wrong                    exit code 2
      UnavailableError    something the run needs is not there         exit code 3

Everything else that is raised is a defect of the trainer and keeps its traceback.
"""


class TrainerError(Exception):
    """The user's input is wrong. The message is one line: what is wrong, where, and the remedy."""

    exit_code = 2


class UnavailableError(TrainerError):
    """Something the run needs is not there or failed: a model folder, the hub, a device."""

    exit_code = 3
