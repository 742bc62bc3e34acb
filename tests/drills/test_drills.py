"""Whole drills on real clouds: proven, met, breached, inconclusive, and healed whatever happens."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

import pytest
import second_reading
from cloud.conftest import Up
from drill_files import KUMONIWA, TABLE, hold, laid

from kumoniwa.drill.format.page import Page
from kumoniwa.drill.format.reading import plan_of
from kumoniwa.drill.history import read_history
from kumoniwa.drill.measure import measured


@pytest.fixture(scope="module")
def cloud(tmp_path_factory):
    up = Up("--data", str(tmp_path_factory.mktemp("cloud")))
    yield up
    up.stop()


def endpoint(cloud):
    return f"http://127.0.0.1:{cloud.port}"


@pytest.fixture(scope="module")
def proven(tmp_path_factory):
    folder = tmp_path_factory.mktemp("proven")
    return folder, *hold(folder, "--prove")


def test_a_drill_is_proven_by_a_null_and_a_sabotage_drill_and_then_met(proven):
    _, code, report, said = proven
    assert code == 0, said
    assert report["verdict"] == "met"
    assert report["proofs"]["null"] == "RTO 0, nothing lost"
    assert report["proofs"]["sabotage"].endswith(" lost writes found")
    (run,) = report["runs"]
    assert run["rpo_final"]["value"] == 0 and run["rpo_final"]["checked"] > 20
    assert run["rto"]["value"] > 1.0
    assert run["struck"] == "us-east-1"


def test_the_parts_of_the_measured_recovery_sum_to_it(proven):
    (run,) = proven[2]["runs"]
    told = [part["value"] for part in run["rto_parts"].values() if part["value"] is not None]
    assert sum(told) == pytest.approx(run["rto"]["value"], abs=0.5)


def test_whoever_has_the_history_computes_the_same(proven):
    folder, _, report, _ = proven
    plan = plan_of(Page("drill.yaml", TABLE), folder)
    again = measured(plan, read_history(folder / "out" / "history.jsonl")[1])
    (run,) = report["runs"]
    assert again.recovery.rto_s == run["rto"]["value"]
    assert again.final.checked == run["rpo_final"]["checked"]
    assert again.availability[0] == run["availability"]["value"]


def test_a_second_reading_that_shares_no_code_finds_the_same(proven):
    folder, _, report, _ = proven
    (run,) = report["runs"]
    story = second_reading.lines(folder / "out" / "history.jsonl", 1)
    assert second_reading.rto(story, success=0.95, limit_s=2.0, width=0.5, hold=3) == pytest.approx(run["rto"]["value"])
    assert second_reading.lost(story, "final") == set()
    sabotage = second_reading.lines(folder / "out" / "history.jsonl", -1)
    assert len(second_reading.lost(sabotage, "final")) == int(report["proofs"]["sabotage"].split()[0])


def test_the_reports_lie_beside_the_history(proven):
    out = proven[0] / "out"
    assert sorted(file.name for file in out.iterdir()) == [
        "cloud.log", "history.jsonl", "junit.xml", "report.html", "report.json", "report.md"
    ]  # fmt: skip
    assert b'failures="0"' in (out / "junit.xml").read_bytes()
    assert "| multiRegion.rto | 20.00 s |" in (out / "report.md").read_text()


def test_the_sabotage_wrote_its_lost_writes_into_the_history(proven):
    folder, _, report, _ = proven
    history = read_history(folder / "out" / "history.jsonl")[-1]
    found = measured(plan_of(Page("drill.yaml", TABLE), folder), history)
    count = int(report["proofs"]["sabotage"].split()[0])
    assert len(found.lost) == count
    acked = {op.value for op in history.load if op.f == "write" and op.is_ok}
    assert {op.value for op in found.lost} <= acked


@pytest.mark.slow
def test_a_null_drill_finds_nothing(cloud, tmp_path):
    code, report, said = hold(tmp_path, "--null", "--endpoint", endpoint(cloud))
    assert code == 0, said
    (run,) = report["runs"]
    assert (run["rto"]["value"], run["lost_count"]) == (0.0, 0)
    assert run["faults"] == []


@pytest.mark.slow
def test_a_cloud_that_is_kept_goes_on_with_its_console(tmp_path):
    code, report, said = hold(tmp_path, "--null", "--keep")
    assert code == 0, said
    console = next(word for line in said.splitlines() if "goes on" in line for word in line.split() if word.endswith("/_kumoniwa/;")).rstrip(";")
    try:
        with urllib.request.urlopen(console, timeout=20) as page:
            assert b"Kumoniwa" in page.read()
    finally:
        subprocess.run([*KUMONIWA, "down", "--endpoint", console.removesuffix("/_kumoniwa/")], check=True)


@pytest.mark.slow
def test_what_was_asked_for_and_not_met_is_a_breach(cloud, tmp_path):
    text = TABLE.replace("rto: 20s", "rto: 1s")
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=text)
    assert code == 1, said
    assert [one["verdict"] for one in report["objectives"]] == ["PolicyBreached", "PolicyMet"]
    assert "look first at multiRegion.rto" in said
    assert b'failures="1"' in (tmp_path / "out" / "junit.xml").read_bytes()


def codes(report):
    return set(report["runs"][0]["errors"])


@pytest.mark.slow
def test_a_lost_region_is_silent_by_default_and_refuses_if_asked_to(cloud, tmp_path):
    silent = hold(tmp_path / "silent", "--endpoint", endpoint(cloud))[1]
    refusing = hold(tmp_path / "refusing", "--endpoint", endpoint(cloud), text=TABLE.replace("for: 2s", "for: 2s, loss: refuse"))[1]
    assert "timeout" in codes(silent) and "refused" not in codes(silent)
    assert "refused" in codes(refusing)


def test_a_system_that_is_ill_before_gives_no_verdict(cloud, tmp_path):
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=TABLE.replace("us-east-1/Orders", "us-east-1/Nothing"))
    assert code == 2, said
    assert "before anything was broken" in report["troubles"][0]


def test_a_drill_without_traffic_is_unknown_and_not_healthy(cloud, tmp_path):
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=TABLE.replace("20/s", "1/h"))
    assert code == 2, said
    assert "made no request" in report["troubles"][0]


def test_a_fault_that_the_cloud_does_not_offer_is_refused_before_anything_begins(cloud, tmp_path):
    text = TABLE.replace("region.kill, target: {region: us-east-1}", "az.power-off, target: {region: us-east-1, az: a}")
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=text)
    assert code == 3
    assert "has no fault az.power-off" in report["failure"]


@pytest.mark.slow
def test_the_guard_stops_a_drill_that_hurts_too_much(cloud, tmp_path):
    text = TABLE.replace("for: 2s", "for: 60s") + "guard: {stop-when: {success-below: 0.5, for: 1s}}\n"
    began = time.monotonic()
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=text)
    assert code == 2, said
    assert "the guard stopped the run" in report["troubles"][0]
    assert time.monotonic() - began < 60
    assert cloud.regions()["us-east-1"]["state"] == "running"


def begun(cloud, folder, text):
    """A drill whose fault has just been confirmed."""
    laid(folder, text)
    words = [*KUMONIWA, "drill", str(folder), "--out", str(folder / "out"), "--endpoint", endpoint(cloud)]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    for line in process.stdout:
        if "confirmed" in line:
            return process
    raise AssertionError("the fault never began")


def state(cloud):
    return cloud.regions()["us-east-1"]["state"]


def healed_within(cloud, seconds):
    deadline = time.monotonic() + seconds
    while state(cloud) != "running":
        if time.monotonic() > deadline:
            return False
        time.sleep(0.1)
    return True


def test_a_drill_that_is_killed_in_mid_fault_leaves_a_cloud_that_heals_itself(cloud, tmp_path):
    process = begun(cloud, tmp_path, TABLE.replace("for: 2s", "for: 60s"))
    assert state(cloud) == "killed"
    process.kill()
    process.wait(10)
    assert healed_within(cloud, 15)


@pytest.mark.slow
def test_a_drill_that_is_ended_in_mid_fault_heals_before_it_goes(cloud, tmp_path):
    process = begun(cloud, tmp_path, TABLE.replace("for: 2s", "for: 60s"))
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) == 3
    assert state(cloud) == "running"


@contextlib.contextmanager
def controlled(cloud, folder):
    words = [*KUMONIWA, "drill", "control", str(folder), "--endpoint", endpoint(cloud), "--port", "0", "--out", str(folder / "out")]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    try:
        for line in process.stdout:
            if "The control door is open at " in line:
                yield line.split("open at ")[1].split(": ")[0].strip()
                break
    finally:
        process.send_signal(signal.SIGINT)
        assert process.wait(60) == 0


def test_chaos_toolkit_runs_a_drill_against_the_control_door(cloud, tmp_path):
    runbook = ", for: 1s}\n- {at: 2s, run: recover.py, args: [lit]}"
    text = TABLE.replace(", for: 2s}", runbook).replace("cooldown: 8s", "cooldown: 12s")
    laid(tmp_path, text)
    (tmp_path / "recover.py").write_text("import os, sys\nopen(sys.argv[1], 'w').write(os.environ['AWS_ENDPOINT_URL'])\n")
    subprocess.run([*KUMONIWA, "drill", "compile", str(tmp_path), "-o", str(tmp_path / "experiment.yaml")], check=True)
    with controlled(cloud, tmp_path) as door:
        time.sleep(3)
        chaos = Path(sys.executable).with_name("chaos")
        done = subprocess.run(
            [chaos, "--no-version-check", "run", "experiment.yaml"], cwd=tmp_path, env={**os.environ, "CLOUD_CONTROL": door, "AWS_ENDPOINT_URL": endpoint(cloud)}, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        journal = json.loads((tmp_path / "journal.json").read_text())
        assert journal["status"] == "completed"
        assert [one["output"]["status"] for one in journal["run"]] == [201, 0]
    assert (tmp_path / "lit").read_text() == endpoint(cloud)
    assert state(cloud) == "running"


def test_the_control_door_says_unknown_where_nobody_asked_and_no_to_what_it_has_not(cloud, tmp_path):
    laid(tmp_path, TABLE.replace("get: 20/s", "get: 1/h"))

    def asked(door, path, method="GET", body=None):
        request = urllib.request.Request(door + path, method=method, data=body)
        try:
            with urllib.request.urlopen(request, timeout=20) as reply:
                return reply.status, json.load(reply)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)["message"]

    with controlled(cloud, tmp_path) as door:
        time.sleep(2)
        assert asked(door, "/probe/success?journey=put&last=1s") == (200, 1.0)
        status, said = asked(door, "/probe/success?journey=get&last=1s")
        assert status == 503 and "unknown is not healthy" in said
        assert asked(door, "/probe/success?journey=nobody")[0] == 404
        assert asked(door, "/probe/success?journey=put&last=soon")[0] == 400
        assert asked(door, "/faults", "POST", b'{"fault": "region.explode"}')[0] == 400
        assert asked(door, "/faults", "POST", b"[]")[0] == 400
        assert asked(door, "/elsewhere")[0] == 404


RUNBOOK = TABLE.replace("steps:\n- {at: 1s, fault: region.kill, target: {region: us-east-1}, for: 2s}", """\
steps:
- {at: 1s, fault: region.kill, target: {region: us-east-1}, for: 2s}
- {at: 2s, run: recover.py, args: [--port, "${cloud.port}"], timeout: 5s}""")  # fmt: skip


def test_a_runbook_runs_beside_the_load_and_its_beginning_is_the_decision(cloud, tmp_path):
    laid(tmp_path)
    (tmp_path / "recover.py").write_text(
        "import os, sys, time\nprint('told', *sys.argv[1:], os.environ['AWS_ENDPOINT_URL'], os.environ['AWS_ACCESS_KEY_ID'])\ntime.sleep(2)\n"
    )
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=RUNBOOK)
    assert code == 0, said
    assert f"recover.py: told --port {cloud.port} {endpoint(cloud)} test" in said
    story = second_reading.lines(tmp_path / "out" / "history.jsonl", 1)
    begin, end = (line for line in story if line.get("event") == "runbook")
    assert (begin["phase"], end["phase"], end["exit"], end["args"]) == ("begin", "end", 0, ["--port", str(cloud.port)])
    assert end["took_s"] >= 2.0
    (healed,) = [line for line in story if line.get("event") == "heal"]
    assert begin["t"] < healed["t"] < end["t"]  # the healing came at its own second
    (run,) = report["runs"]
    assert run["marks"]["decide"] == run["runbooks"][0]["from"] == pytest.approx(2.0, abs=0.5)


@pytest.mark.parametrize(
    ("script", "says", "last"),
    [
        ("print('no quorum'); raise SystemExit(4)", "it ended with exit code 4", "no quorum"),
        ("import subprocess\nchild = subprocess.Popen(['sleep', '3600'])\nopen('pid', 'w').write(str(child.pid))\nprint('waiting', flush=True)\nchild.wait()", "it took longer than 1 s", "waiting"),
    ],
    ids=["failed", "too slow"],
)
def test_a_runbook_that_does_not_do_its_work_is_a_breach(cloud, tmp_path, script, says, last):
    laid(tmp_path)
    (tmp_path / "recover.py").write_text(script)
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=RUNBOOK.replace("timeout: 5s", "timeout: 1s"))
    assert code == 1, said
    (found,) = [one for one in report["invariants"] if one["name"] == "runbook recover.py"]
    assert (found["verdict"], found["why"], found["counter_example"]) == ("PolicyBreached", says, last)
    if (tmp_path / "pid").exists():  # what it had started went with it
        stat = Path("/proc", (tmp_path / "pid").read_text(), "stat")
        assert not stat.exists() or stat.read_text().rpartition(")")[2].split()[0] == "Z"


def test_a_runbook_that_is_not_there_is_told_before_anything_begins(cloud, tmp_path):
    code, report, said = hold(tmp_path, "--endpoint", endpoint(cloud), text=RUNBOOK)
    assert code == 3
    assert "the runbook recover.py is not in" in report["failure"]
    assert "run 1" not in said
