"""RTO, its parts and windows, on histories whose answers are known."""

import pytest

from kumoniwa.drill.format.plan import Slo
from kumoniwa.drill.measures.percentile import percentile
from kumoniwa.drill.measures.recovery import Recovery, parts, recovery, worst
from kumoniwa.drill.measures.windows import due_at, is_bad, windows

from .stories import op, steady

SLO = Slo(success=0.99, p99_ms=1000, window_s=1.0, hold=3)


def test_a_percentile_is_the_value_at_the_nearest_rank():
    assert percentile([3, 1, 2, 4], 0.5) == 2
    assert percentile(range(1, 101), 0.99) == 99
    assert percentile(range(1, 102), 0.99) == 100
    assert percentile([7], 0.99) == 7
    assert percentile(range(1, 101), 0.07) == 7
    assert percentile(range(1, 5), 0.0) == 1
    assert percentile([], 0.5) is None


def test_a_client_that_had_to_wait_is_late_from_when_it_was_due():
    late = op(due=10.0, at=15.0, took=0.01)
    assert late.latency_s == pytest.approx(5.01)


def test_a_window_is_good_bad_or_unknown():
    ops = [op(at=0.2), op(at=0.9), *steady(1.0, 2.0, out="fail"), op(at=3.5, took=1.2), op(at=4.5, took=1.0)]
    cut = windows(ops, SLO, 0.0, 5.0)
    assert [window.verdict for window in cut] == ["good", "bad", "unknown", "bad", "good"]
    assert [len(window.ops) for window in cut] == [2, 10, 0, 1, 1]


def test_a_window_holds_its_beginning_and_not_its_end():
    cut = windows([op(at=1.0), op(at=2.0)], SLO, 0.0, 2.0)
    assert [len(window.ops) for window in cut] == [0, 1]


def test_a_window_is_good_at_exactly_the_share_asked_for():
    ninety_nine = steady(0.0, 0.99, every=0.01)
    assert windows([*ninety_nine, op(at=0.995, out="fail")], SLO, 0.0, 1.0)[0].verdict == "good"
    assert windows([*ninety_nine[:-1], op(at=0.995, out="fail"), op(at=0.996, out="info")], SLO, 0.0, 1.0)[0].verdict == "bad"


def test_the_p99_of_a_window_is_that_of_what_succeeded():
    ops = [op(at=0.1, took=0.5), op(at=0.2, took=9.0, out="info")]
    cut = windows(ops, Slo(success=0.5, p99_ms=1000, window_s=1.0, hold=1), 0.0, 1.0)
    assert cut[0].verdict == "good"
    assert cut[0].p99_s == pytest.approx(0.5)


def test_without_a_bad_window_recovery_took_no_time():
    found = recovery(steady(0.0, 20.0), SLO, 10.0, 20.0)
    assert found.rto_s == 0.0
    assert found.t_recovered == 10.0


def test_recovery_ends_at_the_first_good_request_after_the_last_bad_one():
    ops = steady(0.0, 10.0) + steady(10.0, 14.0, out="fail") + steady(14.0, 20.0)
    found = recovery(ops, SLO, 10.0, 20.0)
    assert found.rto_s == pytest.approx(4.0)
    assert found.resolution_s == pytest.approx(0.1)
    assert found.t_recovered == pytest.approx(14.0)


def test_bad_times_before_the_fault_are_not_its_doing():
    ops = steady(0.0, 5.0, out="fail") + steady(5.0, 20.0)
    assert recovery(ops, SLO, 10.0, 20.0).rto_s == 0.0


def test_requests_under_way_that_fail_count_from_the_fault():
    under_way = [op(at=9.5, took=3.0, out="info"), op(at=9.9, took=3.0, out="info")]
    ops = steady(0.0, 9.5) + under_way + steady(10.5, 20.0)
    found = recovery(ops, SLO, 10.0, 20.0)
    assert found.rto_s == pytest.approx(0.5)
    assert found.resolution_s == pytest.approx(0.5)


def test_requests_under_way_that_succeed_do_not():
    ops = steady(0.0, 9.5) + [op(at=9.5, took=0.9)] + steady(10.0, 20.0)
    assert recovery(ops, SLO, 10.0, 20.0).rto_s == 0.0


def test_flapping_counts_to_the_last_break():
    ops = steady(0.0, 10.0) + steady(10.0, 12.0, out="fail") + steady(12.0, 16.0) + steady(16.0, 17.0, out="fail") + steady(17.0, 25.0)
    assert recovery(ops, SLO, 10.0, 25.0).rto_s == pytest.approx(7.0)


def test_too_few_good_windows_are_no_recovery_but_a_lower_bound():
    ops = steady(0.0, 10.0) + steady(10.0, 17.0, out="fail") + steady(17.0, 19.0)
    found = recovery(ops, SLO, 10.0, 20.0)
    assert (found.rto_s, found.at_least_s) == (None, pytest.approx(10.0))
    assert recovery([*ops, *steady(19.0, 20.0)], SLO, 10.0, 20.0).rto_s == pytest.approx(7.0)


def test_unknown_windows_do_not_count_as_good_ones():
    ops = steady(0.0, 10.0) + steady(10.0, 12.0, out="fail") + steady(12.0, 14.0)
    assert recovery(ops, SLO, 10.0, 30.0).rto_s is None


def test_a_drill_without_traffic_after_the_fault_is_unknown_and_not_healthy():
    found = recovery(steady(0.0, 10.0), SLO, 10.0, 30.0)
    assert found.rto_s is None
    assert not found.is_known


def test_a_few_errors_within_the_level_do_not_delay_recovery():
    tolerant = Slo(success=0.8, p99_ms=1000, window_s=1.0, hold=3)
    ops = steady(0.0, 10.0) + steady(10.0, 12.0, out="fail") + steady(12.0, 20.0) + [op(at=15.05, out="fail")]
    assert recovery(ops, tolerant, 10.0, 20.0).rto_s == pytest.approx(2.0)


def test_slowness_beyond_the_limit_is_an_outage_too():
    ops = steady(0.0, 10.0) + steady(10.0, 13.0, took=2.0) + steady(13.0, 20.0)
    assert recovery(ops, SLO, 10.0, 20.0).rto_s == pytest.approx(3.0)


def test_of_several_journeys_the_worst_one_counts():
    fast, slow, never, unknown = Recovery(1.0), Recovery(5.0), Recovery(None, 3.0), Recovery(None, is_known=False)
    assert worst([fast, slow]) is slow
    assert worst([never, slow]) is never
    assert worst([unknown, slow]) is unknown
    assert worst([unknown, never]) is never
    assert worst([Recovery(None, 9.0), never]).at_least_s == 9.0


FAILED_OVER = steady(0.0, 10.0, served_by="us-east-1") + steady(10.0, 16.0, out="fail") + steady(16.0, 30.0, served_by="eu-west-1")


def test_the_parts_of_a_recovery_sum_to_it():
    found = recovery(FAILED_OVER, SLO, 10.0, 30.0)
    events = [{"event": "health", "state": "unhealthy", "t": 13.0}, {"event": "dns", "t": 14.5}]
    told = parts(found, 10.0, events, FAILED_OVER, "us-east-1")
    assert told == {"detect": pytest.approx(3.0), "decide": pytest.approx(1.5), "switch": pytest.approx(1.5), "warm": pytest.approx(0.0)}
    assert sum(told.values()) == pytest.approx(found.rto_s)


def test_a_runbook_that_begins_is_the_decision_and_its_end_is_none():
    found = recovery(FAILED_OVER, SLO, 10.0, 30.0)
    begin, end = ({"event": "runbook", "phase": phase, "t": t} for phase, t in (("begin", 13.0), ("end", 15.0)))
    told = parts(found, 10.0, [end, begin, {"event": "dns", "t": 15.5}], FAILED_OVER, "us-east-1")
    assert told == {"detect": None, "decide": pytest.approx(3.0), "switch": pytest.approx(3.0), "warm": pytest.approx(0.0)}
    late = parts(found, 10.0, [{"event": "runbook", "phase": "begin", "t": 9.0}, end, {"event": "dns", "t": 15.5}], FAILED_OVER, "us-east-1")
    assert late["decide"] == pytest.approx(5.5)


def test_what_nobody_saw_is_none_and_its_time_is_in_the_next_part():
    found = recovery(FAILED_OVER, SLO, 10.0, 30.0)
    told = parts(found, 10.0, [{"event": "dns", "t": 14.5}], FAILED_OVER, "us-east-1")
    assert told == {"detect": None, "decide": pytest.approx(4.5), "switch": pytest.approx(1.5), "warm": pytest.approx(0.0)}


def test_what_happened_before_the_fault_or_after_recovery_is_no_part_of_it():
    found = recovery(FAILED_OVER, SLO, 10.0, 30.0)
    events = [
        {"event": "alarm", "t": 9.0}, {"event": "health", "state": "healthy", "t": 11.0}, {"event": "dns", "t": 8.0}, {"event": "alarm", "t": 25.0},
        {"event": "fault", "t": 12.0},
    ]  # fmt: skip
    told = parts(found, 10.0, events, FAILED_OVER, "us-east-1")
    assert told["detect"] is None and told["decide"] is None


def test_the_first_of_several_marks_counts_and_a_decision_comes_after_detection():
    found = recovery(FAILED_OVER, SLO, 10.0, 30.0)
    events = [
        {"event": "alarm", "t": 13.0}, {"event": "alarm", "t": 12.0}, {"event": "promote", "t": 11.0}, {"event": "deploy", "t": 15.0},
        {"event": "promote", "t": 13.5},
    ]  # fmt: skip
    told = parts(found, 10.0, events, FAILED_OVER, "us-east-1")
    assert told["detect"] == pytest.approx(2.0)
    assert told["decide"] == pytest.approx(1.5)


def test_a_request_served_by_the_lost_region_is_no_switch():
    ops = steady(0.0, 10.0, served_by="us-east-1") + steady(10.0, 16.0, out="fail") + steady(16.0, 30.0, served_by="us-east-1")
    found = recovery(ops, SLO, 10.0, 30.0)
    told = parts(found, 10.0, [], ops, "us-east-1")
    assert told == {"detect": None, "decide": None, "switch": None, "warm": pytest.approx(6.0)}


def test_no_recovery_has_no_parts():
    assert set(parts(Recovery(None, 3.0), 0.0, [], [], None).values()) == {None}
    assert set(parts(Recovery(0.0, t_recovered=0.0), 0.0, [], [], None).values()) == {None}


# Edges ------------------------------------------------------------------------------------------------------


def test_windows_are_laid_so_that_one_begins_at_the_fault():
    fine = Slo(success=0.99, p99_ms=1000, window_s=0.5, hold=1)
    cut = windows([op(at=0.6), op(at=3.0), op(at=3.49), op(at=4.4), op(at=0.4)], fine, 0.2, 4.1, 3.0)
    assert [window.begins for window in cut] == pytest.approx([0.5, 1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0])
    assert [window.ends for window in cut] == pytest.approx([1.0, 1.5, 2.0, 2.5, 3.0, 3.5, 4.0, 4.5])
    assert [len(window.ops) for window in cut] == [1, 0, 0, 0, 0, 2, 0, 1]


def test_windows_without_a_fault_are_laid_from_the_beginning():
    coarse = Slo(success=0.99, p99_ms=1000, window_s=2.0, hold=1)
    cut = windows([op(at=1.5), op(at=2.5), op(at=6.9)], coarse, 1.0, 6.0)
    assert [(window.begins, window.ends, len(window.ops)) for window in cut] == [(1.0, 3.0, 2), (3.0, 5.0, 0), (5.0, 7.0, 1)]


def test_a_request_that_failed_exactly_at_the_fault_was_under_way():
    assert due_at(op(at=9.5, took=0.5, out="fail"), 10.0) == 10.0
    assert due_at(op(at=9.0, took=0.5, out="fail"), 10.0) == 9.0
    assert due_at(op(at=10.5, took=0.5, out="fail"), 10.0) == 10.5
    assert due_at(op(at=9.5, took=0.5, out="fail"), None) == 9.5


def test_a_request_at_the_limit_is_not_too_late():
    assert not is_bad(op(at=0.0, took=1.0), SLO)
    assert is_bad(op(at=0.0, took=1.001), SLO)


def test_the_first_good_request_is_due_after_the_last_bad_one_and_not_with_it():
    ops = steady(0.0, 10.0) + steady(10.0, 12.0, out="fail") + [op(at=11.9)] + steady(12.0, 20.0)
    assert recovery(ops, SLO, 10.0, 20.0).rto_s == pytest.approx(2.0)


def test_marks_at_the_fault_and_at_recovery_belong_to_it():
    found = recovery(FAILED_OVER, SLO, 10.0, 30.0)
    events = [{"event": "alarm", "t": 10.0}, {"event": "dns", "t": found.t_recovered}]
    told = parts(found, 10.0, events, FAILED_OVER, "us-east-1")
    assert (told["detect"], told["decide"]) == (0.0, pytest.approx(found.rto_s))
