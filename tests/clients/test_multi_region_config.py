"""The pattern of one configuration in three regions, in a cloud of its own: what its README promises."""

import subprocess
import sys
from pathlib import Path

PATTERN = Path(__file__).parents[2] / "patterns" / "multi_region_config" / "show.py"


def test_one_command_shows_it():
    done = subprocess.run([sys.executable, str(PATTERN)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert (done.stdout.count("holds "), "FAILS" in done.stdout) == (9, False)
    assert "ParameterAlreadyExists: The parameter already exists." in done.stdout
