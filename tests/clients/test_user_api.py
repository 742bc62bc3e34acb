"""The user API, in the short form of its demonstration: two regions, one killed under load and brought back."""

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "patterns" / "user_api" / "demo.py"


def test_its_demonstration_holds_what_it_claims():
    done = subprocess.run([sys.executable, str(DEMO), "--seconds", "1", "--dark", "2.5"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds ") == 4
    assert "acknowledged writes lost     0" in done.stdout
