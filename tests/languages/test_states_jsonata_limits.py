"""The library behind JSONata leaves the process as it found it."""

import sys

from kumoniwa.languages import states_jsonata


def test_others_refuse_deep_nesting_as_before():
    assert sys.getrecursionlimit() == states_jsonata.RECURSION_MAX
