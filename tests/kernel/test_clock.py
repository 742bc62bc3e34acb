"""Virtual time: waits cost nothing, come in order, and stand still for what happens outside."""

import asyncio
import threading
import time

from kumoniwa.kernel.clock import VIRTUAL_EPOCH_S, Clock, VirtualLoop, outside


def run(coroutine):
    loop = VirtualLoop()
    try:
        return loop.run_until_complete(coroutine(loop))
    finally:
        loop.run_until_complete(loop.shutdown_default_executor())
        loop.close()


def test_a_day_of_waits_costs_moments_and_happens_the_same_way_each_time():
    async def day(loop) -> list:
        clock, seen = Clock(loop), []

        async def tick(name: str, every_s: float) -> None:
            while clock.now() < VIRTUAL_EPOCH_S + 86_400:
                await asyncio.sleep(every_s)
                seen.append((name, round(clock.now() - VIRTUAL_EPOCH_S, 3)))

        await asyncio.gather(tick("poll", 20), tick("minute", 60), tick("odd", 7.3))
        return seen

    began = time.monotonic()
    first = run(day)
    assert time.monotonic() - began < 5
    assert len(first) == 4320 + 1440 + 11836
    assert first == run(day)
    assert [at for _, at in first] == sorted(at for _, at in first)


def test_days_go_on_for_years():
    async def years(loop) -> float:
        for _ in range(3 * 365):
            await asyncio.sleep(86_400)
        return loop.time()

    assert run(years) >= 3 * 365 * 86_400


def test_time_does_not_pass_by_itself():
    async def whole(loop):
        clock = Clock(loop)
        before = clock.now()
        time.sleep(0.02)
        await asyncio.sleep(0)
        return clock.now() - before

    assert run(whole) == 0


def test_outside_virtual_time_is_held_to_real_time():
    async def whole(loop):
        clock, done = Clock(loop), loop.create_future()
        threading.Timer(0.05, lambda: loop.call_soon_threadsafe(done.set_result, None)).start()
        late = loop.call_later(3600, lambda: None)
        with outside():
            await done
        late.cancel()
        return clock.now() - VIRTUAL_EPOCH_S

    assert 0.03 < run(whole) < 2


def test_a_thread_is_waited_for_whatever_is_due_much_later():
    async def whole(loop):
        late = loop.call_later(3600, lambda: None)
        done = await asyncio.to_thread(lambda: time.sleep(0.02) or "done")
        late.cancel()
        return done, loop.time()

    done, took_s = run(whole)
    assert done == "done" and took_s < 3600


def test_a_skewed_clock_is_wrong_by_its_skew():
    async def whole(loop):
        clock = Clock(loop)
        clock.skew_s = -90.0
        await asyncio.sleep(100)
        return clock.now() - VIRTUAL_EPOCH_S

    assert run(whole) == 10


def test_a_clock_of_an_ordinary_loop_is_the_days():
    assert abs(Clock().now() - time.time()) < 1
