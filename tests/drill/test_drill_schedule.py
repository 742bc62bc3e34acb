"""The load is laid down by its seed: the same requests at the same times, on any machine."""

from dataclasses import replace
from pathlib import Path

import pytest

from kumoniwa.drill.format.page import Page
from kumoniwa.drill.format.reading import plan_of
from kumoniwa.drill.schedule import RECENT, schedule

TEXT = """\
drill: x
warmup: 10s
journeys:
  write: {entry: "dns://a.example", kind: write}
  read: {entry: "dns://a.example", kind: read, reads: write}
  even: {entry: "dns://a.example", kind: write, arrival: constant, keys: 5}
load: {write: 20/s, read: 40/s, even: 2/s}
steps: [{at: 100s, end: true}]
"""
PLAN = plan_of(Page("drill.yaml", TEXT), Path("."))


def of(requests, name):
    return [request for request in requests if request.journey.name == name]


def test_the_same_seed_lays_down_the_same_schedule():
    assert schedule(PLAN, "7") == schedule(PLAN, "7")
    assert schedule(PLAN, "7") != schedule(PLAN, "8")


def test_one_journey_does_not_change_the_schedule_of_another():
    fewer = replace(PLAN, workload=replace(PLAN.workload, journeys=PLAN.workload.journeys[:1]))
    assert [r.at_s for r in of(schedule(PLAN, "7"), "write")] == [r.at_s for r in of(schedule(fewer, "7"), "write")]


def test_requests_come_from_the_warm_up_to_the_end_at_their_rate():
    requests = schedule(PLAN, "7")
    assert requests == sorted(requests, key=lambda request: request.at_s)
    assert -10 <= requests[0].at_s < -8 and 99 < requests[-1].at_s < 100
    assert len(of(requests, "write")) == pytest.approx(20 * 110, rel=0.1)
    assert len(of(requests, "read")) == pytest.approx(40 * 110, rel=0.1)


def test_people_come_slowly_in_the_first_half_of_the_warm_up():
    requests = of(schedule(PLAN, "7"), "read")
    first, second, third = (len([r for r in requests if since <= r.at_s < since + 2.5]) for since in (-10, -7.5, -5))
    assert first == pytest.approx(25, abs=15) and second == pytest.approx(75, abs=25) and third == pytest.approx(100, abs=30)


def test_constant_arrivals_are_evenly_spaced_and_poisson_arrivals_are_not():
    requests = schedule(PLAN, "7")
    risen = [[r for r in of(requests, name) if r.at_s >= 0] for name in ("even", "write")]
    even, poisson = ([b.at_s - a.at_s for a, b in zip(r, r[1:])] for r in risen)
    assert max(even) == pytest.approx(0.5) and min(even) == pytest.approx(0.5)
    # The standard deviation of exponential gaps is their mean.
    mean = sum(poisson) / len(poisson)
    assert (sum((gap - mean) ** 2 for gap in poisson) / len(poisson)) ** 0.5 == pytest.approx(mean, rel=0.15)


def test_writes_take_fresh_keys_unless_they_share_some():
    requests = schedule(PLAN, "7")
    assert len({r.key for r in of(requests, "write")}) == len(of(requests, "write"))
    assert {r.key for r in of(requests, "even")} == set(range(5))


def test_reads_ask_for_one_of_the_latest_keys_whose_write_was_due_a_second_ago():
    requests = schedule(PLAN, "7")
    due = {r.key: r.at_s for r in of(requests, "write")}
    newest = max(due)
    for read in of(requests, "read"):
        if read.key >= 0:
            assert due[read.key] <= read.at_s - 1.0
            assert read.key > max(k for k in due if due[k] <= read.at_s - 1.0) - RECENT - 1
    assert any(read.key < 0 for read in of(requests, "read")[:40])
    assert newest > RECENT


def test_a_spike_multiplies_arrivals_while_it_lasts():
    spiking = plan_of(Page("x", TEXT.replace("steps: [", "steps: [{at: 20s, fault: load.spike, target: {journey: write}, factor: 5, for: 20s}, ")), Path("."))
    requests = schedule(spiking, "7")
    inside = [r for r in of(requests, "write") if 20 <= r.at_s < 40]
    before = [r for r in of(requests, "write") if 0 <= r.at_s < 20]
    assert len(inside) == pytest.approx(5 * len(before), rel=0.2)
    assert len([r for r in of(requests, "read") if 20 <= r.at_s < 40]) == pytest.approx(800, rel=0.15)
