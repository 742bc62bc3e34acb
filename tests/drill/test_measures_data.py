"""What became of the data: loss, lag, exposure, convergence, on histories whose answers are known."""

import pytest

from kumoniwa.drill.measures.convergence import convergence, unequal
from kumoniwa.drill.measures.exposure import exposure, staleness
from kumoniwa.drill.measures.lag import arrivals, lag
from kumoniwa.drill.measures.loss import loss

from .stories import op


def read(key, value, out="ok"):
    return op("read", key, value, at=100.0, out=out, phase="final")


def test_an_acknowledged_write_that_is_read_back_is_not_lost():
    found = loss([op(key="a", value="1", at=1.0)], [read("a", "1")], 10.0)
    assert (found.count, found.rpo_s, found.checked) == (0, 0.0, 1)


def test_an_acknowledged_write_that_is_gone_is_lost_and_its_age_is_the_rpo():
    ops = [op(key="a", value="1", at=4.0, took=1.0), op(key="b", value="2", at=7.0, took=1.0), op(key="c", value="3", at=8.0)]
    found = loss(ops, [read("a", None), read("b", None), read("c", "3")], 10.0)
    assert [write.value for write in found.lost] == ["1", "2"]
    assert found.rpo_s == pytest.approx(5.0)
    assert found.checked == 3


def test_a_write_acknowledged_at_the_fault_itself_still_counts_as_before_it():
    found = loss([op(key="a", value="1", at=9.0, took=1.0)], [read("a", None)], 10.0)
    assert found.count == 1
    assert found.rpo_s == 0.0


def test_a_write_acknowledged_after_the_fault_and_gone_is_counted_apart():
    found = loss([op(key="a", value="1", at=10.5)], [read("a", None)], 10.0)
    assert (found.count, len(found.lost_after_fault), found.rpo_s) == (0, 1, 0.0)


def test_a_write_overwritten_by_a_later_one_survives():
    ops = [op(key="a", value="1", at=1.0), op(key="a", value="2", at=3.0)]
    assert loss(ops, [read("a", "2")], 10.0).count == 0


def test_a_write_overwritten_by_one_that_overlapped_it_survives():
    ops = [op(key="a", value="1", at=1.0, took=2.0), op(key="a", value="2", at=0.5, took=1.0)]
    assert loss(ops, [read("a", "2")], 10.0).count == 0


def test_an_older_value_is_no_overwriting():
    ops = [op(key="a", value="1", at=1.0), op(key="a", value="2", at=3.0)]
    found = loss(ops, [read("a", "1")], 10.0)
    assert [write.value for write in found.lost] == ["2"]
    assert found.rpo_s == pytest.approx(10.0 - 3.01)


def test_a_write_that_ended_exactly_when_another_began_overlapped_it():
    ops = [op(key="a", value="1", at=2.0, took=1.0), op(key="a", value="2", at=1.0, took=1.0)]
    assert loss(ops, [read("a", "2")], 10.0).count == 0


def test_a_value_of_unknown_outcome_may_have_come_at_any_later_time():
    ops = [op(key="a", value="2", at=0.5, took=0.1, out="info"), op(key="a", value="1", at=1.0)]
    assert loss(ops, [read("a", "2")], 10.0).count == 0


def test_a_value_nobody_wrote_saves_nothing():
    assert loss([op(key="a", value="1", at=1.0)], [read("a", "x")], 10.0).count == 1


def test_a_write_of_unknown_outcome_is_never_lost():
    found = loss([op(key="a", value="1", at=1.0, out="info")], [read("a", None)], 10.0)
    assert (found.count, found.checked) == (0, 0)


def test_a_refused_write_that_appears_is_a_phantom():
    found = loss([op(key="a", value="1", at=1.0, out="fail"), op(key="b", value="2", at=1.0, out="fail")], [read("a", "1"), read("b", None)], 10.0)
    assert [write.key for write in found.phantom] == ["a"]


def test_a_write_that_nobody_could_read_back_is_neither_lost_nor_there():
    found = loss([op(key="a", value="1", at=1.0), op(key="b", value="2", at=1.0)], [read("a", None, out="fail")], 10.0)
    assert (found.count, len(found.unread), found.checked) == (0, 2, 0)


def test_a_write_must_be_on_every_replica_that_was_read():
    assert loss([op(key="a", value="1", at=1.0)], [read("a", "1"), read("a", None)], 10.0).count == 1


def test_reads_and_sends_are_no_writes():
    assert loss([op("read", "a", "1"), op("send", "a", "1")], [read("a", None)], 10.0).checked == 0


# Lag and exposure ------------------------------------------------------------------------------------------


def test_lag_is_from_acknowledgement_to_arrival():
    writes = [op(key=f"k{n}", value=n, at=float(n), took=0.5, served_by="us-east-1") for n in range(4)]
    applies = [{"event": "apply", "region": "eu-west-1", "origin": "us-east-1", "key": f"k{n}", "t": n + 0.5 + 0.1 * (n + 1)} for n in range(3)]
    found = lag(arrivals(writes, applies)["eu-west-1"])
    assert (found.n, found.missing) == (3, 1)
    assert (found.p50_s, found.p99_s, found.max_s) == (pytest.approx(0.2), pytest.approx(0.3), pytest.approx(0.3))


def test_a_replica_owes_nothing_for_the_writes_it_took_itself():
    writes = [op(key="a", at=1.0, served_by="us-east-1"), op(key="b", at=1.0, served_by="eu-west-1")]
    applies = [
        {"region": "eu-west-1", "origin": "us-east-1", "key": "a", "t": 2.0}, {"region": "us-east-1", "origin": "eu-west-1", "key": "b", "t": 3.0}
    ]  # fmt: skip
    found = arrivals(writes, applies)
    assert [(write.key, t) for write, t in found["eu-west-1"]] == [("a", 2.0)]
    assert [(write.key, t) for write, t in found["us-east-1"]] == [("b", 3.0)]


def test_an_arrival_belongs_to_the_write_that_was_under_way_when_it_was_written():
    writes = [op(key="a", value="1", at=1.0, took=0.2, served_by="u"), op(key="a", value="2", at=3.0, took=0.2, served_by="u")]
    applies = [{"region": "e", "origin": "u", "key": "a", "t": 1.5, "written_at": 1.1}, {"region": "e", "origin": "u", "key": "a", "t": 3.9, "written_at": 3.1}]
    assert [t for _, t in arrivals(writes, applies)["e"]] == [1.5, 3.9]


def test_a_write_that_failed_has_no_lag():
    writes = [op(key="a", at=1.0, out="info", served_by="u"), op(key="b", at=1.0, served_by="u")]
    assert [write.key for write, _ in arrivals(writes, [{"region": "e", "origin": "u", "key": "b", "t": 2.0}])["e"]] == ["b"]


def test_staleness_is_the_age_of_the_oldest_write_that_has_not_arrived():
    pairs = [(1.0, 4.0), (2.0, 3.0), (5.0, None)]
    assert [staleness(pairs, t) for t in (0.5, 1.0, 2.5, 3.5, 4.0, 4.5, 5.0, 9.0)] == [0.0, 0.0, 1.5, 2.5, 0.0, 0.0, 0.0, 4.0]


def test_exposure_is_the_percentile_of_staleness_over_time():
    # Stale for 1 second in 10, rising from 0 to 1: below 0.9 for all but a tenth of a second, which is one percent of the time.
    assert exposure([(2.0, 3.0)], 0.0, 10.0) == pytest.approx(0.9)
    assert exposure([(2.0, 3.0)], 0.0, 10.0, q=1.0) == pytest.approx(1.0)
    assert exposure([(2.0, 3.0)], 0.0, 10.0, q=0.9) == pytest.approx(0.0)
    assert exposure([(2.0, 3.0)], 0.0, 10.0, q=0.95) == pytest.approx(0.5)


def test_exposure_of_writes_that_overlap_is_that_of_the_oldest():
    # From 0 to 4 the oldest waits since 0; then the second since 3, until 5.
    assert exposure([(0.0, 4.0), (3.0, 5.0)], 0.0, 5.0, q=1.0) == pytest.approx(4.0)
    # Time at or below x: four seconds rising 0..4, one second rising 1..2.
    assert exposure([(0.0, 4.0), (3.0, 5.0)], 0.0, 5.0, q=0.5) == pytest.approx(1.75)


def test_exposure_agrees_with_staleness_looked_at_a_thousand_times():
    pairs = [(0.3 * n, 0.3 * n + 0.1 + (n % 7) * 0.11) for n in range(40)]
    looks = sorted(staleness(pairs, 12.0 * n / 10_000) for n in range(10_000))
    assert exposure(pairs, 0.0, 12.0) == pytest.approx(looks[9_900], abs=0.005)
    assert exposure(pairs, 0.0, 12.0, q=0.5) == pytest.approx(looks[5_000], abs=0.005)


def test_exposure_without_time_is_not_known_and_without_delay_is_none():
    assert exposure([], 5.0, 5.0) is None
    assert exposure([], 0.0, 5.0) == 0.0
    assert exposure([(1.0, 0.9)], 0.0, 5.0) == 0.0  # the replica knew before the client did


# Convergence --------------------------------------------------------------------------------------------------


def test_replicas_are_unequal_where_a_value_differs_or_is_missing():
    assert unequal({"u": {"a": 1, "b": 2, "c": {"x": 1}}, "e": {"a": 1, "b": 3, "c": {"x": 1}}, "x": {"a": 1, "b": 2}}) == ["b", "c"]
    assert unequal({"u": {"a": None}, "e": {}}) == ["a"]


def test_convergence_is_the_first_look_from_which_on_all_are_equal():
    assert convergence([(11.0, 3), (12.0, 0), (13.0, 1), (14.0, 0), (15.0, 0)], 10.0) == (4.0, 0)
    assert convergence([(15.0, 0), (13.0, 1), (14.0, 0)], 10.0) == (4.0, 0)
    assert convergence([(9.0, 0), (10.0, 0), (11.0, 0)], 10.0) == (0.0, 0)


def test_without_convergence_the_unequal_keys_are_counted():
    assert convergence([(11.0, 5), (12.0, 2)], 10.0) == (None, 2)
    assert convergence([(9.0, 0)], 10.0) == (None, 0)


# Edges ------------------------------------------------------------------------------------------------------


def test_a_refused_write_that_appears_on_one_replica_is_a_phantom():
    assert len(loss([op(key="a", value="1", at=1.0, out="fail")], [read("a", None), read("a", "1")], 10.0).phantom) == 1


def test_an_arrival_belongs_to_a_write_from_its_first_to_its_last_moment():
    writes = [op(key="a", value="1", at=1.0, took=0.5, served_by="u"), op(key="a", value="2", at=2.0, took=0.5, served_by="u")]
    applies = [{"region": "e", "origin": "u", "key": "a", "t": 8.0, "written_at": 1.5}, {"region": "e", "origin": "u", "key": "a", "t": 9.0, "written_at": 2.0}]
    assert [t for _, t in arrivals(writes, applies)["e"]] == [8.0, 9.0]


def test_the_first_of_several_arrivals_counts():
    applies = [{"region": "e", "origin": "u", "key": "a", "t": 5.0}, {"region": "e", "origin": "u", "key": "a", "t": 4.0}]
    assert [t for _, t in arrivals([op(key="a", served_by="u")], applies)["e"]] == [4.0]


def test_a_write_that_nobody_knows_the_home_of_is_waited_for_everywhere_and_one_of_a_third_region_nowhere():
    applies = [{"region": "e", "origin": "u", "key": "a", "t": 5.0}]
    found = arrivals([op(key="a"), op(key="b", served_by="x"), op(key="c", entry="u")], applies)
    assert [write.key for write, _ in found["e"]] == ["a", "c"]


def test_exposure_looks_at_no_time_outside_its_own():
    assert exposure([(0.0, 9.0)], 4.0, 6.0, q=1.0) == pytest.approx(6.0)
    assert exposure([(0.0, 9.0)], 4.0, 6.0, q=0.5) == pytest.approx(5.0)
    assert exposure([(0.0, 3.0), (7.0, 9.0)], 4.0, 6.0) == 0.0
    assert exposure([(0.0, None)], 4.0, 6.0, q=1.0) == pytest.approx(6.0)
