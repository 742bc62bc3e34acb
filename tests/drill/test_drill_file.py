"""The drill file: both forms say the same, Chaos Toolkit accepts ours, and what is wrong is told by line with its repair."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from kumoniwa.cli.main import main
from kumoniwa.drill.format import quantity
from kumoniwa.drill.format.chaos_form import compiled
from kumoniwa.drill.format.page import Page, Refused
from kumoniwa.drill.format.plan import Invariant, Objective
from kumoniwa.drill.format.reading import plan_of, read_plan

HERE = Path(__file__).parent
LONG = HERE / "region-loss.yaml"
SHORT = """\
drill: region-loss
says: Losing us-east-1 keeps orders flowing
tags: [dr]
stacks:
- {name: shop, template: template.yaml, regions: [us-east-1, eu-west-1], parameters: {Stage: prod}}
journeys:
  place-order: {entry: "dns://api.shop.example/orders", kind: write, key: order_id, body: {order_id: "{key}", note: "{value}"}, value: note}
  read-order: {entry: "dns://api.shop.example/orders", kind: read, timeout: 500ms, ttl: ignore, served-by: region}
  send: {entry: "queue://us-east-1/events.fifo", kind: send, group: g}
load: {place-order: 20/s, read-order: 90/m, send: 1/s}
warmup: 15s
steps:
- {at: 20s, fault: region.kill, target: {region: us-east-1}, for: 60s, disk: lost}
- {at: 30s, fault: link.delay, target: {from: us-east-1, to: eu-west-1}, rtt_add: 100}
- {at: 50s, run: failover.py, args: ["--to", "${shop.eu-west-1.Name}"], timeout: 90s}
- {at: 80s, heal: all}
- {at: 140s, end: true}
expect: {multiRegion: {rto: 60s, rpo: 1s}, availability: 99.9, dataRecovery: {timeBetweenBackups: 24h}}
invariants: [no-lost-acked-writes, converged within 30s, {queue: {name: events, allow: [duplicated]}}]
guard: {stop-when: {success-below: 0.2, for: 30s}, max-duration: 10m}
yearly: {region.kill: 0.1}
repeat: 3
expects-idle: eu-west-1
"""


def plan(text, name="drill.yaml"):
    return plan_of(Page(name, text), HERE)


def complaints(text):
    with pytest.raises(Refused) as refused:
        plan(text)
    return refused.value.complaints


def without(text, *beginnings):
    return "\n".join(line for line in text.splitlines() if not line.startswith(beginnings)) + "\n"


def test_the_specified_example_is_read_as_written():
    read = read_plan(LONG)
    assert [journey.rate for journey in read.workload.journeys] == [20.0, 40.0]
    assert (read.workload.seed, read.workload.warmup_s, read.repeat) == (42, 20.0, 5)
    (step,) = read.steps
    assert (step.fault, step.target, step.params, step.for_s) == ("region.kill", {"region": "us-east-1"}, {"disk": "kept"}, 60.0)
    assert read.end_s == 120.0  # the fault's minute and the cooldown
    assert Objective(name="multiRegion.rpo", asked=1.0, unit="s") in read.objectives
    assert Invariant(kind="converged", params={"table": "Orders", "within": 30.0}) in read.invariants
    assert read.workload.journeys[1].reads == "place-order"


def test_the_short_form_compiles_to_a_long_form_that_means_the_same():
    short = plan(SHORT)
    long = plan(yaml.safe_dump(compiled(short), sort_keys=False))
    for field in dataclasses.fields(short):
        if field.name not in ("steps", "steady"):
            assert getattr(short, field.name) == getattr(long, field.name), field.name
    assert [dataclasses.replace(step, name="") for step in long.steps] == list(short.steps)
    assert [probe.journey for probe in long.steady] == ["place-order", "read-order", "send"]
    again = plan(yaml.safe_dump(compiled(long), sort_keys=False))
    assert again == long


@pytest.mark.parametrize("text", [LONG.read_text(), None], ids=["long", "compiled"])
def test_chaos_toolkit_accepts_a_drill(text, tmp_path):
    (tmp_path / "drill.yaml").write_text(SHORT)
    experiment = tmp_path / "experiment.yaml"
    if text is None:
        assert main(["drill", "compile", str(tmp_path / "drill.yaml"), "-o", str(experiment)]) == 0
    else:
        experiment.write_text(text)
    chaos = Path(sys.executable).with_name("chaos")
    done = subprocess.run([chaos, "--no-version-check", "validate", experiment], cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "look valid" in done.stdout + done.stderr


PATTERNS = HERE.parents[1] / "patterns"
SHIPPED = sorted(file for file in PATTERNS.rglob("*.yaml") if file.read_text().startswith("drill: "))


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: str(file.relative_to(PATTERNS)))
def test_chaos_toolkit_accepts_every_drill_that_is_shipped(file, tmp_path):
    read = read_plan(file)
    assert read.objectives
    experiment = tmp_path / "experiment.yaml"
    assert main(["drill", "compile", str(file), "-o", str(experiment)]) == 0
    assert read_plan(experiment).workload == read.workload
    done = subprocess.run(
        [Path(sys.executable).with_name("chaos"), "--no-version-check", "validate", experiment], cwd=tmp_path, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_json_is_a_drill_file_too(tmp_path):
    (tmp_path / "drill.yaml").write_text(SHORT)
    assert main(["drill", "compile", str(tmp_path / "drill.yaml"), "-o", str(tmp_path / "long.json")]) == 0
    json.loads((tmp_path / "long.json").read_text())
    assert read_plan(tmp_path / "long.json").objectives == plan(SHORT).objectives


def test_journeys_are_declared_once_for_a_project(tmp_path):
    (tmp_path / "journeys.yaml").write_text('order: {entry: "dns://a.example", kind: write}\nother: {entry: "dns://b.example"}\n')
    (tmp_path / "drill.yaml").write_text("drill: x\nload: {order: 5/s}\nsteps: []\n")
    assert [journey.entry for journey in read_plan(tmp_path).workload.journeys] == ["dns://a.example"]
    (tmp_path / "journeys.yaml").write_text('order: {entri: "dns://a.example", kind: write}\n')
    with pytest.raises(Refused) as refused:
        read_plan(tmp_path)
    assert any(said.endswith("journeys.yaml:1: order.entri is not a field of a drill; did you mean 'entry'?") for said in refused.value.complaints)


def test_every_complaint_of_a_file_is_told_at_once_with_its_line():
    found = complaints(
        "drill: x\n"
        "load: {a: 20, b: 1/s}\n"
        "journeys:\n"
        '  a: {entry: "ftp://x", knd: write}\n'
        "steps:\n"
        "- {at: 5, fault: region.kil, target: {region: us-east-9}}\n"
        "expect: {multiregion: {rto: 5s}}\n"
        "invariants: [nothing-lost]\n"
    )
    assert [complaint.split(": ")[0].removesuffix(":") for complaint in found] == [
        f"drill.yaml:{line}" for line in (2, 2, 4, 4, 6, 6, 6, 7, 8)
    ]
    assert "drill.yaml:2: load.a: 20 is not a rate: write requests per time, such as 20/s or 90/m" in found
    assert "drill.yaml:4: journeys.a.knd is not a field of a drill; did you mean 'kind'?" in found
    assert "drill.yaml:6: steps[0].fault: there is no fault 'region.kil'; did you mean region.kill?" in found
    assert "drill.yaml:6: steps[0].target.region: AWS has no region 'us-east-9'" in found


@pytest.mark.parametrize(
    ("change", "line", "says"),
    [
        (("20/s", "0/s"), 10, "is not a rate"),
        (("kind: send", "kind: read"), 9, "can send or receive, not read"),
        (("timeout: 500ms", "consistency: strong"), 8, "only a table can be asked for one"),
        (("group: g", "ttl: ignore"), 9, "means nothing for a journey to queue://us-east-1/events.fifo; such fields there are group"),
        (("timeout: 500ms", "retries: 3"), 8, "journeys never retry"),
        (("for: 60s", "for: sixty"), 13, "is not a duration"),
        (("at: 30s", "at: 10s"), 12, "not in order"),
        (("at: 140s", "at: 50s"), 12, "end at 50s, while something still happens at 80s"),
        (("{region: us-east-1}, for", "{}, for"), 13, "names no region"),
        (("run: failover.py", "run: 5"), 15, "steps[2].run: 5 is not a text"),
        (("timeout: 90s", "timeout: soon"), 15, "is not a duration"),
        (("timeout: 90s", "timeout: 0s"), 15, "must be longer than nothing"),
        (("timeout: 90s", "for: 90s"), 15, "is not a field of a drill"),
        (("timeout: 90s", "fault: region.kill"), 15, "is not a field of a drill"),
        (('args: ["--to", ', "args: [7, "), 15, "7 is not a text"),
        (("availability: 99.9", "availability: 199"), 18, "is not a percentage"),
        (("converged within 30s", "converged within"), 19, "cannot be read"),
        (("allow: [duplicated]", "allow: [shuffled]"), 19, "nothing a queue can do"),
        (("repeat: 3", "repeat: 0"), 22, "is not a count"),
        (("repeat: 3", "repeat: 3\ntime-scale: 10"), 23, "other than 1 is not implemented"),
        (("region.kill, target", "queue.drop, target"), 13, "breaks AWS's contract"),
        (("repeat: 3", "repeat: 3\nrepeat: 4"), 23, "is written twice"),
    ],
)
def test_what_is_wrong_is_told_at_its_line(change, line, says):
    found = complaints(SHORT.replace(*change))
    assert any(complaint.startswith(f"drill.yaml:{line}: ") and says in complaint for complaint in found), found


def test_a_drill_without_traffic_is_refused():
    assert any("has no journey" in complaint for complaint in complaints(without(SHORT, "load:")))


def test_a_drill_where_nobody_sends_is_refused():
    text = 'drill: x\njourneys: {take: {entry: "queue://us-east-1/q", kind: receive}}\nload: {take: 1/s}\nsteps: []\n'
    assert any("only journeys that receive" in complaint for complaint in complaints(text))


def test_a_file_that_is_no_drill_is_told_what_one_is():
    assert "neither form of a drill" in complaints("a: 1\n")[0]
    assert "mapping" in complaints("- 1\n")[0]
    assert "neither YAML nor JSON" in complaints("a: [\n")[0]


def test_an_activity_that_our_runner_does_not_run_is_refused_by_name():
    text = LONG.read_text().replace("{type: http, method: POST,", "{type: python, method: POST,")
    assert any("does not run 'python'" in complaint for complaint in complaints(text))


def test_a_runbook_is_a_process_of_chaos_toolkit_in_the_background():
    (action,) = [one for one in compiled(plan(SHORT))["method"] if one["provider"]["type"] == "process"]
    assert action["background"] is True
    assert action["provider"] == {
        "type": "process", "path": "python3", "arguments": ["failover.py", "--to", "${shop.eu-west-1.Name}"], "timeout": 90.0
    }  # fmt: skip


@pytest.mark.parametrize(
    ("field", "value", "says"),
    [
        ("path", "bash", "begins Python scripts and not 'bash'"),
        ("arguments", [], "is not a list of texts"),
        ("timeout", 0, "is not a number above 0"),
        ("url", "x", "is not a field of a drill"),
    ],
)
def test_a_process_that_is_no_runbook_is_refused(field, value, says):
    experiment = compiled(plan(SHORT))
    (action,) = [one for one in experiment["method"] if one["provider"]["type"] == "process"]
    action["provider"][field] = value
    assert any(says in complaint for complaint in complaints(yaml.safe_dump(experiment)))


def test_a_process_that_would_hold_up_later_steps_is_refused():
    experiment = compiled(plan(SHORT))
    for action in experiment["method"]:
        action.pop("background", None)
    assert any("add `background: true`" in complaint for complaint in complaints(yaml.safe_dump(experiment)))


def test_the_command_refuses_a_bad_file_in_plain_words(tmp_path, capsys):
    (tmp_path / "drill.yaml").write_text("drill: x\nsteps: {}\n")
    assert main(["drill", str(tmp_path)]) == 3
    assert "journeys.yaml: cannot be read" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("text", "seconds"), [("500ms", 0.5), ("20s", 20.0), ("2m", 120.0), ("24h", 86400.0), ("1.5s", 1.5), (0, 0.0), ("2d", 172800.0)]
)
def test_durations(text, seconds):
    assert quantity.duration_s(text) == seconds
    assert quantity.duration_s(quantity.duration_text(seconds)) == seconds


@pytest.mark.parametrize("text", ["20", 20, "s", "-1s", "1 week", None, True, False])
def test_what_is_no_duration(text):
    with pytest.raises(ValueError):
        quantity.duration_s(text)


@pytest.mark.parametrize(("text", "seconds"), [("PT30S", 30.0), ("PT5M", 300.0), ("PT1H30M", 5400.0), ("P1DT1S", 86401.0)])
def test_durations_as_fis_writes_them(text, seconds):
    assert quantity.iso_duration_s(text) == seconds


@pytest.mark.parametrize("text", ["P", "PT", "5M", "PT5", None])
def test_what_is_no_iso_duration(text):
    with pytest.raises(ValueError):
        quantity.iso_duration_s(text)
