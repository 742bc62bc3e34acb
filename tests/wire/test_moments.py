"""Moments as texts: both forms cut off what they do not show."""

import pytest

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
