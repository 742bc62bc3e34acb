"""``make demo``: what README promises first. It is held whole by ``make drills``; here, that it is the drill it says it is."""

import subprocess
from pathlib import Path

import pytest

from kumoniwa.drill.format.reading import read_plan

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(("asked", "more"), [((), []), (("KEEP=1",), ["--keep"])], ids=["", "kept"])
def test_make_demo_holds_the_short_drill_of_active_passive(asked, more):
    said = subprocess.run(["make", "--no-print-directory", "-n", "demo", *asked], cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    words = said.splitlines()[-1].split()
    assert words[0].endswith("/kumoniwa") and words[1] == "drill"
    assert words[3:] == ["--out", "demo-report", *more]
    plan = read_plan(PROJECT / words[2])
    assert (plan.name, plan.repeat) == ("active-passive-short", 1)
    assert plan.workload.warmup_s + plan.end_s <= 60


def test_its_report_is_not_committed():
    assert "demo-report/" in (PROJECT / ".gitignore").read_text().splitlines()
