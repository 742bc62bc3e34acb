"""The demo, in its short form: what README promises first."""

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "patterns" / "user_api" / "demo.py"


def test_the_demo_holds_what_it_claims():
    done = subprocess.run([sys.executable, str(DEMO), "--seconds", "1", "--dark", "2.5"], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds ") == 4
    assert "acknowledged writes lost     0" in done.stdout
