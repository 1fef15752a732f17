import pytest
from kto_trainer.errors import machine_failure


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (RuntimeError("[enforce fail at alloc_cpu.cpp:127] . DefaultCPUAllocator: can't allocate memory: you tried ..."), "lower max_tokens_per_pass"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2 GiB"), "lower max_tokens_per_pass"),
        (MemoryError(), "out of memory"),
        (RuntimeError("[gloo] Connection closed by peer [127.0.0.1]:1"), "another process of this training ended"),
    ],
)  # fmt: skip
def test_what_the_machine_lacks_is_told_with_a_remedy(error, words):
    assert words in machine_failure(error)


def test_a_defect_is_not_taken_for_a_failure_of_the_machine():
    assert machine_failure(RuntimeError("shape mismatch")) is None
