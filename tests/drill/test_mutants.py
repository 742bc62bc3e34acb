"""Every small change of a formula is noticed by a test of the measures."""

import pytest

from .mutants import formula_files, hunt

EQUIVALENT: set[str] = set()
"""Changes that change nothing: what they alter cannot be seen from outside."""


@pytest.mark.slow
@pytest.mark.parametrize("file", formula_files(), ids=lambda file: file.stem)
def test_every_change_of_a_formula_is_noticed(file, tmp_path):
    survivors, count = hunt([file], tmp_path)
    assert count
    assert not [one for one in survivors if one not in EQUIVALENT]
