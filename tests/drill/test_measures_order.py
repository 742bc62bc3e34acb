"""Queues, sessions, linearizability, counters, errors and spread, on histories whose answers are known."""

import pytest

from kumoniwa.drill.measures.availability import by_requests, by_time, yearly
from kumoniwa.drill.measures.counters import counter_sum, effects
from kumoniwa.drill.measures.errors import amplification, by_code, by_region, grown
from kumoniwa.drill.measures.linearizable import linearizable
from kumoniwa.drill.measures.queueing import out_of_order, queueing
from kumoniwa.drill.measures.sessions import sessions
from kumoniwa.drill.measures.spread import Spread, is_distinguishable
from kumoniwa.drill.measures.windows import Window

from .stories import op, steady


def sent(value, out="ok", at=0.0, key="g", took=0.01):
    return op("send", key, value, at=at, out=out, took=took)


def received(value, at=50.0, ver=None, key="g", out="ok"):
    return op("recv", key, value, at=at, ver=ver, out=out)


def test_a_queue_loses_resurrects_duplicates_recovers_and_invents():
    ops = [
        sent("lost"), sent("kept"), sent("twice"), sent("refused", "fail"), sent("refused and gone", "fail"), sent("unknown", "info"),
        sent("unknown and gone", "info"), received("kept"), received("twice"), received("twice"), received("refused"), received("unknown"),
        received("nobody's"), received("not taken", out="info"),
    ]  # fmt: skip
    found = queueing(ops)
    assert found.lost == ["lost"]
    assert found.resurrected == ["refused"]
    assert found.duplicated == ["twice"]
    assert found.recovered == ["unknown"]
    assert found.unexpected == ["nobody's"]


def test_a_group_comes_in_the_order_in_which_it_was_sent():
    ops = [sent("1", at=1.0), sent("2", at=2.0), sent("3", at=3.0), received("1", ver=1), received("2", ver=2), received("3", ver=3)]
    assert out_of_order(ops) == []


def test_a_pair_that_came_the_wrong_way_round_is_named():
    ops = [sent("1", at=1.0), sent("2", at=2.0), received("2", ver=1), received("1", ver=2)]
    assert out_of_order(ops) == [("1", "2")]


def test_only_first_deliveries_have_an_order():
    ops = [sent("1", at=1.0), sent("2", at=2.0), received("1", at=5.0, ver=1), received("2", at=6.0, ver=2), received("1", at=7.0, ver=3)]
    assert out_of_order(ops) == []


def test_sends_that_overlap_groups_that_differ_and_refused_sends_have_no_order():
    overlapping = [sent("1", at=1.0, took=2.0), sent("2", at=2.0), received("2", ver=1), received("1", ver=2)]
    groups = [sent("1", at=1.0, key="a"), sent("2", at=2.0, key="b"), received("2", ver=1), received("1", ver=2)]
    unknown = [sent("1", "info", at=1.0), sent("2", at=2.0), received("2", ver=1), received("1", ver=2)]
    assert [out_of_order(ops) for ops in (overlapping, groups, unknown)] == [[], [], []]


# Sessions ---------------------------------------------------------------------------------------------------


def test_a_client_reads_its_own_writes():
    stale = [op(value="1", at=1.0), op(value="2", at=2.0), op("read", value="1", at=3.0)]
    (found,) = sessions(stale)
    assert (found.guarantee, found.read.value, found.because.value) == ("read-your-writes", "1", "2")
    assert sessions([op(value="1", at=1.0), op(value="2", at=2.0), op("read", value="2", at=3.0)]) == []


def test_a_client_that_finds_nothing_where_it_wrote_does_not_read_its_writes():
    assert [one.guarantee for one in sessions([op(value="1", at=1.0), op("read", value=None, at=2.0)])] == ["read-your-writes"]


def test_another_clients_later_value_is_no_violation():
    assert sessions([op(value="1", at=1.0), op(value="2", at=2.0, client="c1"), op("read", value="2", at=3.0)]) == []


def test_another_clients_write_that_overlapped_is_no_violation():
    assert sessions([op(value="2", at=0.9, took=0.2, client="c1"), op(value="1", at=1.0), op("read", value="2", at=3.0)]) == []


def test_a_read_that_began_before_the_write_ended_promises_nothing():
    assert sessions([op(value="0", at=0.0), op(value="1", at=1.0, took=1.0), op("read", value="0", at=1.5)]) == []


def test_a_write_that_failed_promises_nothing():
    assert sessions([op(value="0", at=0.0), op(value="1", at=1.0, out="info"), op("read", value="0", at=2.0)]) == []


def test_nobody_reads_backwards():
    ops = [op(value="1", at=1.0), op(value="2", at=2.0), op("read", value="2", at=3.0, client="c1"), op("read", value="1", at=4.0, client="c1")]
    (found,) = sessions(ops)
    assert (found.guarantee, found.read.value, found.because.value) == ("monotonic-reads", "1", "2")


def test_what_one_client_saw_binds_no_other():
    ops = [op(value="1", at=1.0), op(value="2", at=2.0), op("read", value="2", at=3.0, client="c1"), op("read", value="1", at=4.0, client="c2")]
    assert sessions(ops) == []


def test_keys_are_told_apart():
    assert sessions([op(key="a", value="1", at=1.0), op("read", "b", None, at=2.0)]) == []


# Linearizability -----------------------------------------------------------------------------------------------


def verdict(*ops, **more):
    return linearizable(list(ops), **more).verdict


def test_one_after_the_other_is_linearizable():
    assert verdict(op(value=1, at=1.0), op("read", value=1, at=2.0), op(value=2, at=3.0), op("read", value=2, at=4.0)) is True


def test_a_stale_read_is_not():
    found = linearizable([op(value=1, at=1.0), op(value=2, at=2.0), op("read", value=1, at=3.0)])
    assert (found.verdict, found.key, found.stuck.f) == (False, "k", "read")


def test_a_read_during_a_write_may_see_either_value():
    for seen in (1, 2):
        assert verdict(op(value=1, at=1.0), op(value=2, at=2.0, took=2.0), op("read", value=seen, at=3.0)) is True


def test_two_reads_may_not_see_a_write_come_and_go():
    ops = [op(value=1, at=1.0), op(value=2, at=2.0, took=5.0), op("read", value=2, at=3.0), op("read", value=1, at=4.0)]
    assert verdict(*ops) is False


def test_an_unknown_write_may_act_at_any_later_time_or_never():
    before = op(value=1, at=0.5)
    unknown = op(value=2, at=1.0, out="info")
    assert verdict(before, unknown, op("read", value=1, at=3.0), op("read", value=2, at=9.0)) is True
    assert verdict(before, unknown, op("read", value=1, at=3.0)) is True
    assert verdict(before, unknown, op("read", value=2, at=3.0), op("read", value=1, at=9.0)) is False


def test_an_unknown_write_may_not_act_before_it_was_asked_for():
    assert verdict(op("read", value=2, at=0.5), op(value=2, at=1.0, out="info")) is False


def test_a_failed_write_did_nothing():
    assert verdict(op(value=1, at=1.0, out="fail"), op("read", value=1, at=2.0)) is False
    assert verdict(op(value=1, at=1.0, out="fail"), op("read", value=None, at=2.0)) is True


def test_a_conditional_write_needs_the_value_it_names():
    assert verdict(op(value=1, at=1.0), op("cas", old=1, value=2, at=2.0), op("read", value=2, at=3.0)) is True
    assert verdict(op(value=1, at=1.0), op("cas", old=7, value=2, at=2.0)) is False


def test_keys_are_registers_of_their_own():
    assert verdict(op(key="a", value=1, at=1.0), op("read", "b", None, at=2.0)) is True
    assert verdict(op("read", "b", 5, at=2.0), initial=5) is True


def test_concurrent_writes_may_take_effect_in_any_order_but_one():
    ops = [op(value=n, at=1.0, took=1.0, client=f"c{n}") for n in range(4)]
    assert verdict(*ops, op("read", value=2, at=3.0), op("read", value=2, at=4.0)) is True
    assert verdict(*ops, op("read", value=2, at=3.0), op("read", value=1, at=4.0)) is False


def test_the_search_has_a_budget_and_says_so():
    ops = [op(value=n, at=1.0, took=1.0, client=f"c{n}") for n in range(12)] + [op("read", value=99, at=3.0)]
    found = linearizable(ops, budget=100)
    assert (found.verdict, found.steps) == (None, 101)


def test_an_answer_of_no_is_given_even_if_another_key_was_not_decided():
    hard = [op(key="a", value=n, at=1.0, took=1.0, client=f"c{n}") for n in range(12)] + [op("read", "a", 99, at=3.0)]
    assert linearizable([op("read", "b", 5, at=1.0), *hard], budget=100).verdict is False


# Sums, effects, errors, availability --------------------------------------------------------------------------------


def test_a_counter_holds_what_was_acknowledged_and_at_most_what_may_have_happened():
    ops = [op(value=n) for n in range(3)] + [op(out="info"), op(out="fail"), op("read")]
    assert [counter_sum(ops, found).holds for found in (2, 3, 4, 5)] == [False, True, True, False]
    assert counter_sum(ops, 7, each=2).holds and not counter_sum(ops, 9, each=2).holds and not counter_sum(ops, 5, each=2).holds


def test_each_effect_is_there_once():
    ops = [op(value="a"), op(value="b"), op("send", value="c"), op(value="d", out="fail"), op(value="e", out="info"), op("read", value="z")]
    assert effects(ops, ["a", "b", "b", "d"]) == (["c"], ["b"], ["d"])
    assert effects(ops, ["a", "b", "c", "e"]) == ([], [], [])


def test_errors_by_kind_and_by_region():
    ops = [op(entry="u"), op(entry="u", out="info", code="timeout"), op(entry="e", out="fail", code="HTTP 503"), op(entry="u", out="info", code="timeout"), op()]
    assert by_code(ops) == {"timeout": 2, "HTTP 503": 1}
    rates = by_region(ops)
    assert (rates["u"].errors, rates["u"].n, rates["u"].share) == (2, 3, pytest.approx(2 / 3))
    assert (rates["e"].share, rates["unknown"].share) == (1.0, 0.0)


def test_amplification_is_relative_to_quiet_times():
    assert amplification(300, 100, 100, 100) == 3.0
    assert amplification(300, 100, 300, 100) == 1.0
    assert amplification(100, 50, 100, 100) == 2.0
    assert amplification(1, 0, 1, 1) is None


def test_counters_that_began_anew_are_counted_from_nought():
    assert grown({"a": 5, "b": 5}, {"a": 7, "b": 2, "c": 3, "d": 5}) == {"a": 2, "b": 2, "c": 3, "d": 5}
    assert grown({"a": 5}, {"a": 5}) == {"a": 0}


def test_availability_by_requests_and_by_known_time():
    assert by_requests([op(), op(), op(), op(out="info")]) == (0.75, 4)
    assert by_requests([]) == (None, 0)
    cut = [Window(0, 1, verdict="good"), Window(1, 2, verdict="unknown"), Window(2, 3, verdict="bad"), Window(3, 4, verdict="good")]
    assert by_time(cut) == (pytest.approx(2 / 3), 3)
    assert by_time([Window(0, 1)]) == (None, 0)


def test_a_year_is_projected_from_declared_frequencies():
    assert yearly([(2.0, 3600.0, 0.5), (1.0, 60.0, 1.0)]) == pytest.approx(1 - 3660 / 31_536_000)
    assert yearly([]) == 1


def test_a_verdict_takes_the_worst_run_and_tells_the_range():
    spread = Spread((3.0, 9.0, 4.0, 5.0, 2.0))
    assert (spread.least, spread.most) == (2.0, 9.0)
    assert spread.is_at_most(9.0) and not spread.is_at_most(8.9)
    assert not Spread((1.0, None)).is_at_most(100.0)
    assert not Spread(()).is_at_most(100.0)


def test_the_range_of_five_runs_covers_the_median_with_94_percent():
    assert Spread((1.0,) * 5).median_covered == 0.9375
    assert Spread((1.0,) * 6).median_covered == 0.96875
    assert Spread((1.0,)).median_covered == 0.0


def test_a_difference_within_the_noise_says_nothing():
    assert is_distinguishable(-0.2, 0.1) and not is_distinguishable(0.1, 0.1)


def test_steady_is_what_the_other_tests_take_it_for():
    assert [round(one.due, 1) for one in steady(1.0, 1.3)] == [1.0, 1.1, 1.2]


# Edges ------------------------------------------------------------------------------------------------------


def test_an_error_without_a_code_is_told_by_its_status():
    refused = op(out="fail")
    refused.status = 503
    assert by_code([refused, op(out="info"), op(out="fail", code="timeout")]) == {"503": 1, "?": 1, "timeout": 1}


def test_a_send_that_began_when_the_other_was_acknowledged_came_after_it():
    ops = [sent("1", at=1.0, took=1.0), sent("2", at=2.0), received("2", ver=1), received("1", ver=2)]
    assert out_of_order(ops) == [("1", "2")]


def test_two_messages_of_one_moment_are_in_order():
    assert out_of_order([sent("1", at=1.0), sent("2", at=2.0), received("2", at=5.0), received("1", at=5.0)]) == []


def test_a_read_that_began_when_the_write_was_acknowledged_must_see_it():
    assert len(sessions([op(value="0", at=0.0), op(value="1", at=1.0, took=1.0), op("read", value="0", at=2.0)])) == 1


def test_a_write_that_ended_when_another_began_may_have_overlapped_it():
    assert sessions([op(value="2", at=0.0, took=1.0, client="c1"), op(value="1", at=1.0), op("read", value="2", at=3.0)]) == []


def test_an_operation_called_at_the_moment_another_returned_may_come_first():
    assert verdict(op(value=1, at=1.0, took=1.0), op("read", value=None, at=2.0)) is True


def test_the_counter_example_is_the_operation_that_the_longest_order_cannot_place():
    ops = [op(value="a", at=1.0, took=1.0), op(value="b", at=1.1, took=1.0, client="c1"), op("read", value="b", at=3.0), op("read", value="a", at=4.0)]
    found = linearizable(ops)
    assert (found.verdict, found.stuck.value, found.stuck.t0) == (False, "a", 4.0)


def test_all_keys_share_one_budget():
    def hard(key):
        return [op(key=key, value=n, at=1.0, took=1.0, client=f"c{n}") for n in range(12)] + [op("read", key, 99, at=3.0)]

    assert linearizable([*hard("a"), *hard("b")], budget=100).steps <= 102
    easy = [op(key=f"k{n}", value=1, at=1.0) for n in range(60)]
    assert linearizable(easy, budget=100).verdict is True
    assert linearizable(easy, budget=50).verdict is None
