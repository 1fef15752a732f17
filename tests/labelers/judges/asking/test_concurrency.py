"""How many requests at once: found by trying, against servers of known limits."""

import asyncio
import random

import pytest

from kto_data.labelers.judges.asking.concurrency import Concurrency


class Simulated:
    """A server that takes `limit` at once and refuses the rest, each round trip one turn of the loop."""

    def __init__(self, limit, concurrency, chance=0.0):
        self.limit, self.concurrency, self.chance = limit, concurrency, chance
        self.now = self.n_refused = self.n_answered = self.most = 0
        self.dice = random.Random(1)

    async def request(self):
        entered = await self.concurrency.enter()
        self.now += 1
        self.most = max(self.most, self.now)
        refused = self.now > self.limit or self.dice.random() < self.chance
        for _ in range(5):
            await asyncio.sleep(0)
        self.now -= 1
        if refused:
            self.n_refused += 1
            self.concurrency.refused(entered)
        else:
            self.n_answered += 1
            self.concurrency.answered()
        self.concurrency.leave()

    def run(self, n):
        async def all_of_them():
            await asyncio.gather(*(self.request() for _ in range(n)))

        asyncio.run(all_of_them())
        return self


@pytest.mark.parametrize("limit", [4, 20, 64])
def test_it_finds_the_servers_limit_and_stays_there_with_few_refusals(limit):
    server = Simulated(limit, Concurrency(16, 256)).run(8000)
    assert limit * 0.85 <= server.concurrency.limit <= limit + 2
    assert server.n_refused < 0.03 * 8000


def test_without_refusals_it_grows_to_what_is_allowed():
    server = Simulated(10_000, Concurrency(2, 50)).run(2000)
    assert server.concurrency.limit == server.most == 50


def test_chance_refusals_do_not_bring_it_down_for_good():
    server = Simulated(10_000, Concurrency(16, 256), chance=0.01).run(8000)
    assert server.concurrency.limit > 8


def test_a_pause_holds_everybody_back():
    async def main():
        concurrency, loop = Concurrency(10, 10), asyncio.get_running_loop()
        concurrency.pause(0.1)
        started = loop.time()
        await asyncio.gather(*(concurrency.enter() for _ in range(5)))
        assert loop.time() - started >= 0.099
        assert concurrency.in_flight == 5

    asyncio.run(main())


def test_who_comes_again_goes_first_and_who_is_cancelled_takes_no_place():
    async def main():
        concurrency, order = Concurrency(1, 1), []

        async def one(name, again):
            await concurrency.enter(again=again)
            order.append(name)
            concurrency.leave()

        await concurrency.enter()
        tasks = [asyncio.create_task(one(name, name == "again")) for name in ("first", "gone", "again")]
        await asyncio.sleep(0)
        tasks[1].cancel()
        await asyncio.sleep(0)
        concurrency.leave()
        await asyncio.gather(*tasks, return_exceptions=True)
        assert order == ["again", "first"]
        assert concurrency.in_flight == 0

    asyncio.run(main())
