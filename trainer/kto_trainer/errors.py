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


def machine_failure(error: BaseException) -> str | None:
    """What torch's error says of the machine, in words and with a remedy; None if it is a defect."""
    text = str(error)
    kind = type(error).__name__
    if kind in ("OutOfMemoryError", "MemoryError") or "allocate memory" in text or "out of memory" in text:
        return (
            f"out of memory ({text.splitlines()[0][:200] if text else kind}); lower max_tokens_per_pass (batch_size does "
            "not matter), then set gradient_checkpointing, or train adapters with lora.r"
        )
    lost = ("Connection closed by peer", "Connection reset by peer", "Broken pipe", "NCCL")
    if kind == "DistBackendError" or any(words in text for words in lost):
        return f"another process of this training ended or cannot be reached ({text.splitlines()[0][:200]}); start all of them again"
    return None
