"""All patterns: each can be shown, says how, and is shown by one of the files beside this one."""

import pytest
import test_patterns_of_data
import test_patterns_of_events
import test_patterns_of_operation
from pattern_workshop import PATTERNS

CLAIMS = test_patterns_of_data.CLAIMS | test_patterns_of_events.CLAIMS | test_patterns_of_operation.CLAIMS


@pytest.mark.parametrize("name", CLAIMS)
def test_its_readme_names_the_command_that_shows_it(name):
    assert f"python patterns/show.py {name}" in (PATTERNS / name / "README.md").read_text()


def test_every_pattern_that_can_be_shown_is_shown():
    assert {path.parent.name for path in PATTERNS.glob("*/claims.py")} == set(CLAIMS)
