"""Moments on the wire: each form cuts off what it does not show, so that one moment is the same in all of them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.kernel.clock import milliseconds
from kumoniwa.wire import timestamps


@pytest.mark.parametrize(
    "seconds, second, millisecond",
    [
        (0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"),
        (1893456000.9996, "2030-01-01T00:00:00Z", "2030-01-01T00:00:00.999Z"),
        (1893456000.25, "2030-01-01T00:00:00Z", "2030-01-01T00:00:00.250Z"),
    ],
)
def test_a_moment_is_cut_off(seconds, second, millisecond):
    assert (timestamps.to_second(seconds), timestamps.to_millisecond(seconds)) == (second, millisecond)


@pytest.mark.parametrize(
    "seconds, text", [(1504282349, "Sep 1, 2017 4:12:29 PM"), (1587603562.9, "Apr 23, 2020 12:59:22 AM"), (43200, "Jan 1, 1970 12:00:00 PM")]
)
def test_a_moment_as_java_writes_it(seconds, text):
    assert timestamps.medium(seconds) == text


@given(counted=st.integers(0, 4_000_000_000_000), more=st.floats(0, 0.000998))
def test_all_forms_of_a_moment_tell_the_same_millisecond(counted, more):
    seconds = counted / 1000 + more
    assert milliseconds(seconds) == counted
    for written in (timestamps.epoch, timestamps.epoch_with_fraction, timestamps.iso8601, timestamps.to_millisecond, timestamps.rfc822):
        assert milliseconds(timestamps.parsed(written(seconds))) == counted
    assert timestamps.parsed(timestamps.to_second(seconds)) == counted // 1000
