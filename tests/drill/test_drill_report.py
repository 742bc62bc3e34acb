"""The report: one page that opens from disk, is read by keyboard and by ear, and says what the numbers say."""

import dataclasses
import json
import re
import shutil
import subprocess
from html.parser import HTMLParser
from importlib import resources
from pathlib import Path
from xml.etree import ElementTree

import pytest

from kumoniwa.drill.cost import sentence, spent
from kumoniwa.drill.format.page import Page
from kumoniwa.drill.format.reading import plan_of
from kumoniwa.drill.history import History
from kumoniwa.drill.measure import measured
from kumoniwa.drill.report.document import document
from kumoniwa.drill.report.page import page
from kumoniwa.drill.report.terminal import lines
from kumoniwa.drill.report.writing import write_reports
from kumoniwa.drill.session import Session
from kumoniwa.drill.verdict import Verdict, judge

from .stories import op, steady

PLAN = plan_of(
    Page(
        "drill.yaml",
        """\
drill: shop
says: Losing us-east-1 keeps <b>orders</b> & "carts" flowing
journeys:
  put: {entry: "dns://a.example", kind: write}
  get: {entry: "dns://a.example", kind: read}
load: {put: 5/s, get: 5/s}
warmup: 5s
slo: {hold: 3}
steps: [{at: 10s, fault: region.kill, target: {region: us-east-1}, for: 10s}, {at: 14s, run: failover.py}, {at: 40s, end: true}]
expect: {multiRegion: {rto: 4s, rpo: 1s}, availability: 50, multiAz: {rto: 5s}}
invariants: [no-lost-acked-writes, session]
yearly: {region.kill: 0.5}
repeat: 2
""",
    ),
    Path("."),
)


def story(down_s=6.0, lost=3, runbook_exit=0):
    """A run with us-east-1 lost at second 10 for so long, and the last writes before that missing at failover."""
    history = History()
    served = {"served_by": "us-east-1", "entry": "us-east-1"}
    survivor = {"served_by": "eu-west-1", "entry": "eu-west-1"}
    back = 110.0 + down_s
    for one in (
        steady(95.0, 110.0, every=0.2, journey="put", **served)
        + steady(110.0, back, every=0.2, journey="put", out="info", code="timeout", entry="us-east-1")
        + steady(back, 140.0, every=0.2, journey="put", **survivor)
        + steady(95.0, 140.0, every=0.2, journey="get", f="read", **survivor)
    ):
        history.add(one)
    writes = [one for one in history.ops if one.f == "write" and one.is_ok]
    before = [one for one in writes if one.t1 <= 110.0]
    for one in before:
        value = None if one in before[-lost:] else one.value
        history.add(op("read", one.key, value, at=118.0, journey="put", phase="failover"))
    for one in writes:
        history.add(op("read", one.key, one.value, at=145.0, journey="put", phase="final"))
    history.note("zero", 100.0, ends=140.0)
    history.note("fault", 110.0, phase="confirmed", id="fault-1", fault="region.kill", target={"region": "us-east-1"}, params={})
    history.note("health", 112.0, state="unhealthy", check="c")
    runbook = {"step": 1, "file": "failover.py", "args": []}
    history.note("runbook", 114.0, phase="begin", **runbook)
    history.note("runbook", 114.5, phase="end", **runbook, took_s=0.5, exit=runbook_exit, why="", said="Error: no such stack")
    history.note("dns", 114.0, client="c1", name="a.example", addresses=["127.1.2.1"])
    history.note("fault", 120.0, phase="end", id="fault-1", fault="region.kill", target={"region": "us-east-1"}, params={})
    history.note("apply", 105.0, region="eu-west-1", origin="us-east-1", key=before[0].key, written_at=before[0].t0)
    for moment, t, calls in (("zero", 100.0, 0), ("fault", 110.0, 100), ("healing", 118.0, 300)):
        history.note("calls", t, moment=moment, region="eu-west-1", calls={"dynamodb:PutItem": calls})
    history.note("calibration", 146.0, lateness_p50_s=0.0001, lateness_p99_s=0.002)
    history.note("read-back", 145.0, phase="final", answers=len(writes))
    return history


def told(*histories, failure=""):
    runs = [(measured(PLAN, history), history) for history in histories]
    verdict = judge(PLAN, runs, 2) if not failure else Verdict(failure=failure)
    session = Session(PLAN, 1, verdict, runs, {"null": "RTO 0, nothing lost"}, version="1.0")
    session.links = [{"from": "us-east-1", "to": "eu-west-1", "rtt_ms": 69.6, "jitter_ms": 0.4, "state": "up"}]
    session.regions = {"us-east-1": {"state": "running"}, "eu-west-1": {"state": "running"}, "aws-global": {"state": "running"}}
    session.cost = spent(bill(queue=10), bill(queue=1_010, far=40, other=7))
    return json.loads(json.dumps(document(session, 1_900_000_000.0, 61.0)))


def bill(**counts):
    """What the admin door says of the cost."""
    lines = {
        "queue": ("us-east-1", "sqs:standard_requests", 0.4e-6, ""), "far": ("eu-west-1", "sqs:fifo_requests", 0.5e-6, "unverified price"),
        "other": ("eu-west-1", "lambda:<b>", None, "no price is known"),
    }  # fmt: skip
    told = []
    for name, quantity in counts.items():
        region, usage, usd, note = lines[name]
        told.append({"account": "0", "region": region, "usage": usage, "resource": "", "quantity": quantity, "unit": "request", "note": note,
                     "usd": None if usd is None else usd * quantity})  # fmt: skip
    return {"currency": "USD", "lines": told, "usd": 0.0, "free_usd": 0.0, "silent": {}}


BREACHED = told(story(6.0), story(3.0))
MET = told(story(3.0), story(2.0))
FAILED = told(failure="fault-1 could not be healed")
UNFINISHED = told(story(2.0))


def objective(report, name):
    return next(one for one in report["objectives"] if one["name"] == name)


def test_the_worst_run_counts_and_the_range_is_told():
    rto = objective(BREACHED, "multiRegion.rto")
    assert rto["verdict"] == "PolicyBreached"
    assert rto["measured"] == pytest.approx(6.0)
    assert (rto["spread"]["least"], rto["spread"]["most"]) == (pytest.approx(3.0), pytest.approx(6.0))
    assert rto["spread"]["median_covered"] == 0.5
    assert BREACHED["exit_code"] == 1 and MET["exit_code"] == 0


def test_what_users_missed_at_failover_counts_even_if_it_came_back():
    rpo = objective(MET, "multiRegion.rpo")
    assert rpo["measured"] == pytest.approx(0.59)
    assert rpo["why"] == "at failover 3 writes missing, 0 for good"
    assert [one["is_final"] for one in MET["runs"][0]["lost"]] == [False] * 3


def test_the_parts_of_the_recovery_sum_to_it():
    parts = BREACHED["runs"][0]["rto_parts"]
    assert {name: part["value"] for name, part in parts.items()} == {
        "detect": pytest.approx(2.0), "decide": pytest.approx(2.0), "switch": pytest.approx(2.0), "warm": pytest.approx(0.0)
    }  # fmt: skip


def test_every_number_says_what_it_is():
    for run in MET["runs"]:
        for name in ("rto", "rpo_final", "rpo_at_failover", "availability", "convergence"):
            assert run[name]["label"] == "measured"
    assert {link["label"] for link in MET["links"]} == {"modelled"}
    assert MET["yearly_availability"]["label"] == "declared"
    assert MET["yearly_availability"]["value"] == pytest.approx(1 - 0.5 * 3.0 / 31_536_000)


def test_what_the_runs_used_is_told_with_what_it_would_cost():
    cost = MET["cost"]
    assert cost["label"] == "estimated" and cost["regions"] == {"eu-west-1": pytest.approx(20e-6), "us-east-1": pytest.approx(400e-6)}
    assert {line["usage"]: line["quantity"] for line in cost["lines"]} == {"sqs:standard_requests": 1_000, "sqs:fifo_requests": 40, "lambda:<b>": 7}
    assert "would cost 0.000420 USD at list prices (eu-west-1 0.000020, us-east-1 0.000400), estimated" in lines(MET, Path("out"))
    shown = page(MET)
    assert "What it would cost" in shown and "<td class=n>0.000400 <small>1,000 request</small></td>" in shown
    assert "* no price is known; * unverified price" in shown and "lambda:&lt;b&gt;" in shown


def test_a_region_that_cannot_be_asked_for_what_it_used_is_named():
    cost = spent(bill(queue=1), {**bill(queue=2), "silent": {"eu-west-1": "killed"}})
    assert sentence(cost).endswith("; eu-west-1 could not be asked")


def test_calls_per_request_are_told_relative_to_quiet_times():
    # 100 calls on 100 requests in ten quiet seconds, 200 calls on 80 requests in eight hurt ones.
    assert MET["runs"][0]["amplification"]["dynamodb:PutItem"]["value"] == pytest.approx(2.5)


def test_an_objective_that_this_drill_cannot_measure_is_not_applicable_and_no_estimate():
    az = objective(MET, "multiAz.rto")
    assert (az["verdict"], az["measured"]) == ("NotApplicable", None)


def test_a_runbook_is_held_to_and_drawn():
    (found,) = [one for one in MET["invariants"] if one["name"] == "runbook failover.py"]
    assert (found["verdict"], found["why"]) == ("PolicyMet", "begun 4.0 s after the fault, took 0.5 s")
    assert MET["runs"][0]["runbooks"] == [{"file": "failover.py", "args": [], "from": 14.0, "to": 14.5, "exit": 0}]
    assert "failover.py: 14.0 s to 14.5 s, exit code 0" in page(MET)
    failed = told(story(3.0), story(2.0, runbook_exit=1))
    (found,) = [one for one in failed["invariants"] if one["name"] == "runbook failover.py"]
    assert (found["verdict"], found["why"]) == ("PolicyBreached", "run 2: it ended with exit code 1")
    assert found["counter_example"] == "Error: no such stack"
    assert failed["exit_code"] == 1


def quiet(**served):
    """A run in which us-east-1 is lost and nobody notices."""
    history = History()
    for one in steady(95.0, 140.0, every=0.2, journey="put", **served) + steady(95.0, 140.0, every=0.2, journey="get", f="read", **served):
        history.add(one)
    history.note("zero", 100.0, ends=140.0)
    history.note("fault", 110.0, phase="confirmed", id="fault-1", fault="region.kill", target={"region": "us-east-1"}, params={})
    return history


def test_losing_a_region_that_served_nothing_is_no_recovery_of_no_time():
    idle = told(quiet(served_by="eu-west-1", entry="eu-west-1"), story(3.0))
    found = objective(idle, "multiRegion.rto")
    assert (found["verdict"], found["why"]) == ("NotMeasured", "us-east-1 served nothing before the fault: losing it could not be seen")
    for served in ({"served_by": "us-east-1", "entry": "eu-west-1"}, {"served_by": "eu-west-1", "entry": "us-east-1"}, {}):
        assert objective(told(quiet(**served), story(3.0)), "multiRegion.rto")["verdict"] == "PolicyMet"


def test_a_region_may_be_known_to_serve_nothing():
    runs = [(measured(PLAN, history), history) for history in [quiet(served_by="eu-west-1")] * 2]
    for expected, verdict in (((), "NotMeasured"), (("eu-west-1",), "NotMeasured"), (("us-east-1", "eu-west-1"), "PolicyMet")):
        judged = judge(dataclasses.replace(PLAN, expects_idle=expected), runs, 2)
        assert next(one for one in judged.objectives if one.name == "multiRegion.rto").verdict == verdict


def test_fewer_runs_than_asked_for_give_no_verdict():
    assert (UNFINISHED["verdict"], UNFINISHED["exit_code"]) == ("inconclusive", 2)
    assert UNFINISHED["troubles"] == ["1 of 2 runs were finished"]


def test_a_harness_that_failed_gives_no_verdict():
    assert (FAILED["verdict"], FAILED["exit_code"]) == ("failed", 3)
    assert "fault-1 could not be healed" in page(FAILED)


# The page ------------------------------------------------------------------------------------------------------

REPORTS = pytest.mark.parametrize("report", [BREACHED, MET, FAILED, UNFINISHED], ids=["breached", "met", "failed", "unfinished"])
VOID = {"meta", "link", "br", "rect", "circle", "line", "path"}


class Reader(HTMLParser):
    """Sees that tags are balanced, and collects what stands in the page."""

    def __init__(self):
        super().__init__()
        self.open, self.tags, self.ids, self.text = [], [], [], []

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))
        self.ids += [value for name, value in attributes if name == "id"]
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def handle_endtag(self, tag):
        if tag not in VOID or (self.open and self.open[-1] == tag):
            assert self.open.pop() == tag

    def handle_data(self, data):
        self.text.append(data)


def read(report):
    reader = Reader()
    reader.feed(page(report))
    assert reader.open == []
    return reader


@REPORTS
def test_the_page_is_whole_needs_no_network_and_no_script(report):
    html = page(report)
    assert html.startswith("<!doctype html>")
    reader = read(report)
    assert not [tag for tag, _ in reader.tags if tag in ("script", "img", "iframe")]
    assert not re.findall(r"""(?:src|href)=["']?(?!#|data:)[^"' >]+""", html)
    assert set(re.findall(r"https?://[^\s\"'<]+", html)) <= {"http://www.w3.org/2000/svg"}
    assert "url(" not in html and "@import" not in html


@REPORTS
def test_the_page_is_read_by_ear_and_by_keyboard(report):
    reader = read(report)
    tags = [tag for tag, _ in reader.tags]
    assert ("html", {"lang": "en"}) in reader.tags
    assert tags.count("h1") == 1 and tags.count("main") == 1
    assert len(reader.ids) == len(set(reader.ids))
    assert next(attributes for tag, attributes in reader.tags if tag == "a")["href"] == "#main"
    for tag, attributes in reader.tags:
        if tag == "svg":
            assert attributes["role"] == "img"
            assert set(attributes["aria-labelledby"].split()) <= set(reader.ids)
        if "tall" in attributes.get("class", ""):
            assert attributes["tabindex"] == "0" and attributes["aria-label"]
    assert tags.count("details") == tags.count("summary")


def test_what_a_drill_says_is_text_and_no_markup():
    assert "Losing us-east-1 keeps &lt;b&gt;orders&lt;/b&gt; &amp; &quot;carts&quot; flowing" in page(MET)


def test_the_page_shows_the_verdict_the_marks_and_every_lost_write():
    text = "".join(read(BREACHED).text)
    assert "What was asked for was not met" in text
    for word in ("fault +10.0 s", "detected +12.0 s", "decided +14.0 s", "switched +16.0 s", "recovered +16.0 s"):
        assert word in text
    for run in BREACHED["runs"]:
        for one in run["lost"]:
            assert one["key"] in text
    assert "70 ms round trip" in text


def palettes():
    css = resources.files("kumoniwa.drill.report").joinpath("page.css").read_text()
    return [dict(re.findall(r"--([\w-]+):(#[0-9a-f]{6})", block)) for block in re.findall(r":root\{(.*?)\}", css, re.S)[:2]]


def luminance(colour):
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one, other):
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("palette", palettes(), ids=["light", "dark"])
def test_every_text_stands_out_as_wcag_aa_asks(palette):
    # 1.4.3: text 4.5 to 1. 1.4.11: what a picture is made of 3 to 1.
    for ground in ("paper", "card"):
        for ink in ("ink", "soft", "red", "green", "amber", "blue", "violet"):
            assert contrast(palette[ink], palette[ground]) >= 4.5, (ink, ground)
    for word in ("red", "green", "amber"):
        assert contrast(palette[word], palette[f"{word}-soft"]) >= 4.5, word
        assert contrast(palette["ink"], palette[f"{word}-soft"]) >= 4.5, word
    for part in ("#8f2d56", "#5f3dc4", "#1f5a9e", "#17643a"):
        assert contrast("#ffffff", part) >= 4.5


@pytest.mark.skipif(not shutil.which("chromium"), reason="no chromium on this machine")
@pytest.mark.parametrize("report", [BREACHED, FAILED], ids=["breached", "failed"])
def test_a_browser_opens_it_from_disk_without_a_complaint(report, tmp_path):
    write_reports(report, tmp_path)
    command = [
        "chromium", "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
        "--disable-component-update", "--disable-sync", f"--user-data-dir={tmp_path / 'profile'}", "--enable-logging=stderr", "--dump-dom",
        f"file://{tmp_path / 'report.html'}",
    ]  # fmt: skip
    done = subprocess.run(command, capture_output=True, text=True, timeout=120)
    assert "</html>" in done.stdout
    assert "CONSOLE" not in done.stderr, done.stderr


# For machines -----------------------------------------------------------------------------------------------------


def test_the_reports_for_machines_say_the_same(tmp_path):
    write_reports(BREACHED, tmp_path)
    suite = ElementTree.parse(tmp_path / "junit.xml").getroot()
    assert (suite.get("tests"), suite.get("failures"), suite.get("errors"), suite.get("skipped")) == ("7", "1", "0", "1")
    assert [case.get("name") for case in suite if case.find("failure") is not None] == ["multiRegion.rto"]
    assert "asked 4.00 s, measured 6.00 s" in suite.find("testcase/failure").get("message")
    text = (tmp_path / "report.md").read_text()
    assert "| multiRegion.rto | 4.00 s | 6.00 s | 3.00..6.00 in 2 runs (50 % sure of the median) | BREACHED |" in text
    assert "## Lost writes of run 1" in text
    assert json.loads((tmp_path / "report.json").read_text())["schema"] == "kumoniwa-drill-report/1"
    write_reports(FAILED, tmp_path)
    assert ElementTree.parse(tmp_path / "junit.xml").getroot().get("errors") == "1"


def test_the_terminal_says_one_line_per_objective_and_the_next_thing_to_do():
    said = lines(BREACHED, Path("out"))
    assert [line.split()[0] for line in said if line.startswith(("multi", "avail"))] == [one["name"] for one in BREACHED["objectives"]]
    assert "breached: look first at multiRegion.rto" in said
    assert lines(MET, Path("out"))[-2] == "met: everything asked for was met"
    assert "inconclusive" in lines(UNFINISHED, Path("out"))[-2]
