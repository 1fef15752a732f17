"""Much under way at once, its results in order."""

import asyncio

import pytest

from kto_data.labelers.judges.asking.in_order import in_order


class Work:
    """Coroutines that note how many of them are under way, and how it ended."""

    def __init__(self):
        self.now = self.most = self.ticks = 0
        self.begun, self.told = [], []

    async def one(self, n, seconds=0.0, error=None):
        self.begun.append(n)
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(seconds)
            if error is not None:
                raise error
            return n
        except asyncio.CancelledError:
            self.told.append(f"{n} cancelled")
            raise
        finally:
            self.now -= 1

    async def close(self):
        self.told.append("closed")

    def tick(self):
        self.ticks += 1


def test_results_come_in_the_order_of_the_work_and_no_more_than_so_many_are_under_way():
    work = Work()
    found = in_order((work.one(n, 0.02 if n % 7 == 0 else 0.0) for n in range(50)), most=8, close=work.close)
    assert list(found) == list(range(50))
    assert 1 < work.most <= 8
    assert work.told == ["closed"]


def test_somebody_who_has_had_enough_ends_what_is_under_way():
    work = Work()
    found = in_order((work.one(n, 0.0 if n < 2 else 9.0) for n in range(100)), most=4, close=work.close)
    assert next(found) == 0
    found.close()
    assert work.told[-1] == "closed"
    assert sorted(work.told[:-1]) == [f"{n} cancelled" for n in work.begun if n >= 2]
    assert len(work.begun) <= 6


def test_an_error_comes_in_its_place_and_ends_the_rest():
    work = Work()
    jobs = (work.one(n, 9.0 if n > 3 else 0.0, ValueError("three") if n == 3 else None) for n in range(6))
    found = in_order(jobs, most=6, close=work.close)
    with pytest.raises(ValueError, match="three"):
        list(found)
    assert work.told == ["4 cancelled", "5 cancelled", "closed"]


def test_it_ticks_while_the_first_result_keeps_the_others_waiting():
    work = Work()
    list(in_order((work.one(n, 0.3 if n == 0 else 0.0) for n in range(3)), most=3, close=work.close, tick=work.tick))  # fmt: skip
    assert work.ticks >= 1
