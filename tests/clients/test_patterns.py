"""The patterns of serverless and asynchronous architectures, shown as their READMEs say, in the short form."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

PATTERNS = Path(__file__).parents[2] / "patterns"
CLAIMS = {
    "backup_restore": 10,
    "central_logging": 8,
    "closed_bucket": 8,
    "cqrs": 8,
    "dashboard": 7,
    "database_api": 9,
    "event_handler": 8,
    "event_sourcing": 10,
    "global_table": 5,
    "graphql_api": 8,
    "guarded_edge": 16,
    "mended_service": 8,
    "metrics_alarm": 7,
    "multi_region_pipeline": 11,
    "one_bucket_name": 9,
    "pooled_connections": 5,
    "pub_sub": 12,
    "regional_keys": 10,
    "registration": 10,
    "residency_guard": 17,
    "s3_replication": 9,
    "s3_to_database": 6,
    "s3_to_queue": 6,
    "s3_to_table": 7,
    "saga": 8,
    "stream_to_lake": 10,
    "table_scaling": 8,
    "tracing": 11,
    "warm_functions": 9,
    "web_app": 8,
}


def shown(*words: str) -> str:
    done = subprocess.run([sys.executable, str(PATTERNS / "show.py"), *words, "--short"], capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


DATABASES = ("database_api", "pooled_connections", "s3_to_database")
"""Those with databases, in networks of their own."""


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.database, pytest.mark.network]) if name in DATABASES else name for name in CLAIMS])
def test_a_pattern_holds_what_it_claims(kumoniwa, name):
    where = () if name == "s3_to_table" else ("--endpoint", kumoniwa.endpoint)  # one of them in a cloud of its own
    assert len(re.findall(r"^ *holds ", shown(name, *where), re.M)) == CLAIMS[name]


@pytest.mark.parametrize("name", CLAIMS)
def test_its_readme_names_the_command_that_shows_it(name):
    assert f"python patterns/show.py {name}" in (PATTERNS / name / "README.md").read_text()


def test_every_pattern_that_can_be_shown_is_shown_here():
    assert {path.parent.name for path in PATTERNS.glob("*/claims.py")} == set(CLAIMS)
