"""The pattern of health checks and geolocation, in a short form: one failure is enough."""

import subprocess
import sys
from pathlib import Path

DEMO = Path(__file__).parents[2] / "patterns" / "route53_routing" / "demo.py"


def test_the_pattern_holds_what_it_claims():
    done = subprocess.run([sys.executable, str(DEMO), "--threshold", "1"], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds ") == 6
