"""How a pattern shows what it claims: by the command of its README, in the short form."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PATTERNS = Path(__file__).parents[2] / "patterns"
DATABASES = ("database_api", "pooled_connections", "s3_to_database")
"""Those with databases, in networks of their own."""


def each(claims: dict[str, int]) -> list:
    return [pytest.param(name, marks=[pytest.mark.database, pytest.mark.network]) if name in DATABASES else name for name in claims]


def held(kumoniwa, name: str) -> int:
    """How many claims hold; all of them, or the test fails with what was shown."""
    where = () if name == "s3_to_table" else ("--endpoint", kumoniwa.endpoint)  # one of them in a cloud of its own
    words = [sys.executable, str(PATTERNS / "show.py"), name, *where, "--short"]
    done = subprocess.run(words, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return len(re.findall(r"^ *holds ", done.stdout, re.M))
