"""The pattern of S3 replication, run as its README says."""

import subprocess
import sys
from pathlib import Path

SHOW = Path(__file__).parents[2] / "patterns" / "s3_replication" / "show.py"


def test_the_pattern_holds_what_it_claims():
    done = subprocess.run([sys.executable, str(SHOW)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("holds ") == 9 and "FAILS" not in done.stdout
    assert "InvalidRequest: DeleteMarkerReplication must be specified" in done.stdout
