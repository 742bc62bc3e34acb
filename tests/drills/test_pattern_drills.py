"""The patterns' own drills, whole: each gives its verdict by one command, and a second reading of the history finds the same."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
import second_reading
from drill_files import KUMONIWA

PATTERNS = Path(__file__).parents[2] / "patterns"

pytestmark = pytest.mark.slow


def held(drill, out):
    """One run of a pattern's drill, in a cloud of its own; answers its report and its history."""
    words = [*KUMONIWA, "drill", str(PATTERNS / drill), "--repeat", "1", "--out", str(out)]
    done = subprocess.run(words, capture_output=True, text=True, timeout=500)
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads((out / "report.json").read_text())
    assert report["verdict"] == "met"
    return report, second_reading.lines(out / "history.jsonl", 1)


def agree(report, story):
    """RTO, RPO and the list of what was lost, computed twice by who shares no code."""
    (run,) = report["runs"]
    assert run["rto"]["value"] > 1.0
    assert second_reading.rto(story, success=0.99, limit_s=1.0, width=1.0, hold=5) == pytest.approx(run["rto"]["value"])
    missed = {one["key"] for one in run["lost"]}
    assert second_reading.lost(story, "failover") | second_reading.lost(story, "final") == missed
    for look, told in (("failover", run["rpo_at_failover"]), ("final", run["rpo_final"])):
        assert second_reading.rpo(story, look) == pytest.approx(told["value"])
    return run


def test_active_passive_fails_over_by_its_health_check(tmp_path):
    run = agree(*held("active_passive/short.yaml", tmp_path))
    assert run["marks"]["detect"] is not None and run["runbooks"] == []


def test_active_active_loses_only_the_share_of_the_lost_region(tmp_path):
    report, story = held("active_active/drill.yaml", tmp_path)
    run = agree(report, story)
    # Between the fault and the recovery the other region went on serving its half.
    (fault,) = [line["t"] for line in story if line.get("event") == "fault" and line["phase"] == "confirmed"]
    asked = [line for line in story if "f" in line and "phase" not in line and fault <= line["due"] < fault + min(20.0, run["rto"]["value"])]
    assert 0.2 < sum(line["out"] == "ok" for line in asked) / len(asked) < 0.8
    assert {line["served_by"] for line in asked if line["out"] == "ok"} == {"eu-west-1"}


def test_a_pilot_light_is_lit_by_its_runbook(tmp_path):
    report, story = held("pilot_light/short.yaml", tmp_path)
    run = agree(report, story)
    (runbook,) = run["runbooks"]
    assert (runbook["file"], runbook["exit"]) == ("failover.py", 0)
    assert run["rto_parts"]["decide"]["value"] == pytest.approx(second_reading.decided(story))
    assert 9.0 < second_reading.decided(story) < 11.0
    # Nobody was served between the fault and the runbook, and nobody but the survivor between it and the healing.
    (fault,) = [line["t"] for line in story if line.get("event") == "fault" and line["phase"] == "confirmed"]
    (healed,) = [line["t"] for line in story if line.get("event") == "heal"]
    dark = [line for line in story if "f" in line and "phase" not in line and fault < line["due"] < fault + second_reading.decided(story)]
    assert dark and not any(line["out"] == "ok" for line in dark)
    lit = {line["served_by"] for line in story if "f" in line and "phase" not in line and fault < line["due"] < healed and line["out"] == "ok"}
    assert lit == {"eu-west-1"}


@pytest.mark.parametrize("name", sorted(path.parent.name for path in PATTERNS.glob("*/claims.py")))
def test_a_pattern_holds_what_it_claims_under_its_whole_load(name):
    done = subprocess.run([sys.executable, str(PATTERNS / "show.py"), name], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "holds " in done.stdout
