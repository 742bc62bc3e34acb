"""Every small change of a formula is noticed by a test of the measures."""

import pytest

from .mutants import formula_files, hunt

EQUIVALENT = {
    # At its own acknowledgement a write is nought seconds old.
    "exposure: ack <= t: LtE -> Lt",
    # The next piece begins where this one ends.
    "exposure: spent_within(limit) >= wanted: GtE -> Gt",
    # Of two counter-examples that lie equally deep either will do.
    "linearizable: done > furthest: Gt -> GtE",
    # A request due exactly at the fault counts from the fault either way.
    "windows: op.due < t_fault <= op.t1: Lt -> LtE",
}
"""Changes that change nothing."""
SHORT = ("percentile", "recovery", "loss")


def check(file):
    survivors, count = hunt([file])
    assert count
    assert not set(survivors) - EQUIVALENT


@pytest.mark.parametrize("file", [file for file in formula_files() if file.stem in SHORT], ids=lambda file: file.stem)
def test_every_change_of_the_first_formulas_is_noticed(file):
    check(file)


@pytest.mark.slow
@pytest.mark.parametrize("file", [file for file in formula_files() if file.stem not in SHORT], ids=lambda file: file.stem)
def test_every_change_of_a_formula_is_noticed(file):
    check(file)
