"""The console in a real browser, without the internet: what it shows is so, and what it is told to do happens."""

import base64
import http.client
import os
import re
import subprocess
import sys
from email.message import EmailMessage

import pytest
from botocore.exceptions import ClientError
from cloud.conftest import Up

from console.browser import CHROMIUM, Browser

US, EU = "us-east-1", "eu-west-1"

pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium on this machine")


@pytest.fixture(scope="module")
def cloud():
    started = Up()
    for region in (US, EU):
        started.client("sqs", region).create_queue(QueueName="orders")
    yield started
    started.stop()


@pytest.fixture(scope="module")
def browser():
    opened = Browser()
    yield opened
    opened.close()


@pytest.fixture
def page(cloud, browser):
    """The console, opened; a page that complained fails its test."""
    browser.complaints.clear()
    browser.open("about:blank")
    browser.open(f"http://127.0.0.1:{cloud.port}/_kumoniwa/")
    browser.wait("document.querySelectorAll('svg.map .region').length >= 2")
    yield browser
    assert browser.complaints == []


def turn(page, key, title):
    page.press(key)
    page.wait(f"document.title.startsWith({title!r})")


def focus(page, label):
    """Walk by the tab key until the element that says ``label`` has the keyboard."""
    for _ in range(120):
        page.press("Tab")
        if page.run("document.activeElement.dataset.keep || document.activeElement.innerText") == label:
            return
    raise AssertionError(f"the keyboard does not reach {label}")


def test_the_map_shows_regions_their_states_and_their_links(page):
    assert page.run("[...document.querySelectorAll('svg.map .region text')].map(t => t.textContent).sort().join()") == f"{EU},{US}"
    assert "70 ms" in page.run("document.querySelector('svg.map').textContent")
    assert "69.6 ms" in page.run("document.body.innerText")


def test_a_region_is_killed_and_brought_back_by_keyboard(page, cloud):
    focus(page, f"kill {EU}")
    page.press("Enter")
    page.wait("document.querySelector('svg.map .region.killed')")
    assert cloud.regions()[EU]["state"] == "killed"
    focus(page, f"restart {EU}")
    page.press("Enter")
    page.wait("!document.querySelector('svg.map .region.killed')")
    assert cloud.regions()[EU]["state"] == "running"


def test_a_link_is_measured(page):
    page.run("[...document.querySelectorAll('button')].find(b => b.innerText === 'measure').click()")
    page.wait("/\\d\\d\\.\\d ms$/m.test([...document.querySelectorAll('table')].at(-1).innerText)")


def test_calls_appear_as_they_are_answered_and_can_be_sought(page, cloud):
    turn(page, "3", "Calls")
    cloud.client("sqs", EU).list_queues()
    with pytest.raises(ClientError):
        cloud.client("sqs").get_queue_url(QueueName="nothing")
    page.wait("document.querySelector('tbody').innerText.includes('ListQueues')")
    page.wait("document.querySelector('tbody').innerText.includes('AWS.SimpleQueueService.NonExistentQueue') || document.querySelector('tbody').innerText.includes('QueueDoesNotExist')")
    page.run("(i => { i.value = 'getqueueurl'; i.dispatchEvent(new Event('input')) })(document.querySelector('input[type=search]'))")
    assert page.run("document.querySelectorAll('tbody tr').length") == 1


def test_a_fault_is_injected_and_healed(page, cloud):
    turn(page, "4", "Faults")
    page.wait("document.querySelector('form select')")
    page.run("(s => { s.value = 'link.delay'; s.dispatchEvent(new Event('change')) })(document.querySelector('form select'))")
    page.run("document.querySelector('[name=from]').value = 'us-east-1'; document.querySelector('[name=to]').value = 'eu-west-1'; document.querySelector('[name=rtt_add]').value = '100'; 1")
    page.run("document.querySelector('form').requestSubmit()")
    page.wait("document.querySelector('table .active')")
    links = {(link["from"], link["to"]): link for link in cloud.admin("GET", "links")[1]["links"]}
    assert links[US, EU]["rtt_ms"] == 169.6
    page.run("[...document.querySelectorAll('button')].find(b => b.innerText === 'heal').click()")
    page.wait("!document.querySelector('table .active')")


def test_a_fault_that_is_refused_says_why(page):
    turn(page, "4", "Faults")
    page.wait("document.querySelector('form select')")
    page.run("(s => { s.value = 'link.delay'; s.dispatchEvent(new Event('change')) })(document.querySelector('form select'))")
    page.run("document.querySelector('[name=from]').value = 'us-east-1'; document.querySelector('[name=to]').value = 'eu-west-1'; document.querySelector('[name=rtt_add]').value = 'much'; 1")
    page.run("document.querySelector('form').requestSubmit()")
    page.wait("document.querySelector('main p[role=status]').innerText.includes('must be a number')")
    page.complaints.clear()  # the browser itself notes every answer of 400


def test_resources_are_asked_of_aws_itself(page):
    turn(page, "2", "Resources")
    page.wait("document.body.innerText.includes('SQS queues (1)')")
    page.run("[...document.querySelectorAll('summary')].find(s => s.innerText.endsWith('/orders')).click()")
    page.wait("document.body.innerText.includes('ApproximateNumberOfMessages')")


def test_gaps_are_listed(page, cloud):
    with pytest.raises(ClientError):
        cloud.client("redshift").describe_clusters()
    turn(page, "6", "Gaps")
    page.wait("document.body.innerText.includes('the service redshift')")


def test_what_was_used_is_told_with_what_it_would_cost(page, cloud):
    turn(page, "9", "Cost")
    page.wait("document.body.innerText.includes('sqs:standard_requests')")
    page.wait("/us-east-1\\s+sqs:standard_requests\\s+[0-9,]+\\s+request\\s+0[.]0000/.test(document.body.innerText)")
    page.run("document.querySelector('input[type=checkbox]').click()")
    page.wait("document.body.innerText.includes('sqs:standard_requests orders')")
    page.run("(() => { const field = document.querySelector('input[type=number]'); field.value = 1000000; field.dispatchEvent(new Event('input')) })()")
    page.wait("/Together [1-9][0-9]*[.][0-9]{6} USD/.test(document.body.innerText)")


EVIL = """\
<p style="color: red">Dear Ben,</p><script>top.wasHere = 1; fetch("/_kumoniwa/reset", {method: "POST"})</script>
<img src="http://127.0.0.1:1/pixel" onerror="parent.wasHere = 1"><img id="shell" src="cid:shell@example.com">
<a id="link" href="javascript:parent.wasHere = 1">click</a><iframe src="/_kumoniwa/"></iframe>"""
PIXEL = "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="


def proven(cloud, address: str) -> None:
    """Verified by the link in the letter, as whoever reads the mailbox would."""
    cloud.client("ses").verify_email_identity(EmailAddress=address)
    [newest, *_] = cloud.admin("GET", f"mail?to={address}")[1]["mails"]
    letter = cloud.admin("GET", f"mail/{newest['region']}/{newest['id']}")[1]
    link = re.search(r"http://127.0.0.1:\d+(/\S+)", letter["text"])[1]
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
    connection.request("GET", link)
    assert connection.getresponse().status == 200
    connection.close()


def evil_letter() -> bytes:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "ann@example.com", "ben@example.net", "<img src=x onerror=alert(1)>"
    mail.set_content("Dear Ben, see https://example.com/a?b=c and javascript:alert(1) <script>")
    mail.add_alternative(EVIL, subtype="html")
    mail.add_attachment(base64.b64decode(PIXEL), maintype="image", subtype="png", filename="shell.png", disposition="inline", cid="<shell@example.com>")
    mail.add_attachment("<script>alert(1)</script>", subtype="html", filename="../evil.html")
    return mail.as_bytes()


def test_the_mailbox_shows_mails_and_lets_nothing_of_them_act(page, cloud):
    turn(page, "7", "Mail")
    page.wait("document.body.innerText.includes('Nothing was sent yet')")
    for address in ("ann@example.com", "ben@example.net"):
        proven(cloud, address)
    cloud.client("ses").send_raw_email(RawMessage={"Data": evil_letter()})
    page.wait("document.querySelectorAll('main tbody tr').length === 3")  # it came by itself
    assert page.run("document.querySelector('main tbody button').innerText") == "<img src=x onerror=alert(1)>"
    page.run("document.querySelector('main tbody button').click()")
    page.wait("document.querySelector('iframe.mail')")
    assert page.run("[...document.querySelectorAll('pre.mail a')].map(a => a.href)") == ["https://example.com/a?b=c"]
    assert page.run("document.querySelector('iframe.mail').sandbox.value") == "allow-popups allow-popups-to-escape-sandbox"
    told = page.run("document.querySelector('iframe.mail').src")
    assert page.run("[...document.querySelectorAll('li a')].map(a => a.download)") == ["shell.png", "../evil.html"]
    assert "d=amazonses.com" in page.run("document.querySelector('main').textContent")
    assert page.run("window.wasHere || document.querySelector('iframe.mail').contentDocument") is None
    # Alone, without the console's frame around it, it is as powerless.
    page.open(told)
    assert page.run("window.wasHere || getComputedStyle(document.querySelector('p')).color") == "rgb(255, 0, 0)"
    assert page.run("document.querySelector('#shell').naturalWidth") == 1
    assert page.run("window.origin") == "null"
    assert cloud.admin("GET", "mail")[1]["mails"], "the mail must not have emptied the cloud"
    page.complaints.clear()  # the browser notes what the mail wanted and did not get


def test_mails_are_served_so_that_a_browser_only_saves_or_shows_them(cloud):
    [mail, *_] = cloud.admin("GET", "mail?to=ben@example.net&region=us-east-1")[1]["mails"]
    at = f"/_kumoniwa/mail/{mail['region']}/{mail['id']}"

    def get(path: str):
        connection = http.client.HTTPConnection("127.0.0.1", cloud.port, timeout=20)
        connection.request("GET", at + path)
        reply = connection.getresponse()
        return reply, reply.read()

    reply, content = get("/attachments/2")
    assert (reply.status, content) == (200, b"<script>alert(1)</script>\r\n")
    assert reply.headers["content-disposition"] == "attachment; filename*=UTF-8''..%2Fevil.html"
    for path in ("/attachments/1", "/attachments/2", "/raw", "/html"):
        reply, _ = get(path)
        assert "sandbox" in reply.headers["content-security-policy"]
        assert reply.headers["x-content-type-options"] == "nosniff"
    for path in ("/attachments/3", "/attachments/0", "/attachments/x", "/other", "0", "0/raw"):
        assert get(path)[0].status == 404
    assert cloud.admin("GET", "mail?to=nobody@example.net")[1] == {"mails": []}
    assert cloud.admin("GET", "mail?who=me")[0] == 400
    assert cloud.admin("DELETE", "mail?account=111111111111")[0] == 200
    assert cloud.admin("GET", "mail")[1]["mails"]
    assert cloud.admin("DELETE", "mail")[0] == 200
    assert cloud.admin("GET", "mail")[1] == {"mails": []}


def test_the_timeline_shows_in_one_order_what_happened(page, cloud):
    watch = cloud.client("cloudwatch")
    alarm = {"MetricName": "m", "Namespace": "n", "Period": 60, "EvaluationPeriods": 1, "Threshold": 1, "ComparisonOperator": "GreaterThanThreshold", "Statistic": "Sum"}
    watch.put_metric_alarm(AlarmName="<b>full</b>", **alarm)
    watch.set_alarm_state(AlarmName="<b>full</b>", StateValue="ALARM", StateReason="drill")
    stacks = cloud.client("cloudformation", EU)
    stacks.create_stack(StackName="pair", TemplateBody='{"Resources": {"Queue": {"Type": "AWS::SQS::Queue"}}}')
    stacks.get_waiter("stack_create_complete").wait(StackName="pair", WaiterConfig={"Delay": 1})
    turn(page, "8", "Timeline")
    page.wait("/^\\d+ in /.test(document.querySelector('main p[role=status]').innerText)")
    rows = page.run("[...document.querySelectorAll('main tbody tr')].map(row => row.innerText)")
    assert rows == sorted(rows, key=lambda row: row[:23])
    assert [row for row in rows if "alarm" in row and "<b>full</b>" in row and "to ALARM" in row], rows
    assert [row for row in rows if EU in row and "stack" in row and "pair/Queue" in row and "CREATE_COMPLETE" in row], rows
    assert [row for row in rows if "call" in row and "sqs:CreateQueue" in row], rows
    page.run("document.querySelector('input[type=search]').focus(); 1")
    for letter in "pair/q":
        page.press(letter)
    page.wait("document.querySelectorAll('main tbody tr').length > 0 && [...document.querySelectorAll('main tbody tr')].every(row => row.innerText.includes('pair/Queue'))")


def test_the_timeline_says_that_there_is_more_than_it_shows(page, cloud):
    watch = cloud.client("cloudwatch")
    for threshold in range(101):
        watch.put_metric_alarm(
            AlarmName="moved", MetricName="m", Namespace="n", Period=60, EvaluationPeriods=1, Threshold=threshold, Statistic="Sum",
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
    turn(page, "8", "Timeline")
    page.wait("document.querySelector('main p[role=status]').innerText.includes('us-east-1: there are more alarms than are shown')")


def test_a_drill_is_drawn_while_it_runs(page, cloud):
    turn(page, "5", "Drill")
    page.wait("document.body.innerText.includes('No drill has run')")
    for said in (
        {"what": "start", "title": "Losing a region"},
        {"what": "window", "ok": 20, "fail": 0, "info": 0, "p99_ms": 12.5},
        {"what": "window", "ok": 5, "fail": 10, "info": 5, "p99_ms": 900.0},
        {"what": "mark", "name": "detect"},
        {"what": "objective", "name": "rto", "asked": "60 s", "measured": "31 s", "verdict": "met"},
    ):
        assert cloud.admin("POST", "events", {"kind": "drill", **said})[0] == 201
    page.wait("document.querySelectorAll('svg rect.ok').length === 2 && document.querySelector('table .met')")
    assert "25 answered, 10 failed, 5 with unknown outcome" in page.run("document.body.innerText")


DRILL = """\
drill: one-queue
says: Events are taken again after us-east-1 was lost
journeys:
  send: {entry: "queue://us-east-1/orders", kind: send, timeout: 400ms}
load: {send: 20/s}
warmup: 2s
cooldown: 8s
slo: {success: 0.95, p99_ms: 2000, window: 500ms, hold: 3}
steps:
- {at: 1s, fault: region.kill, target: {region: us-east-1}, for: 2s}
- {at: 2s, run: recover.py}
expect: {multiRegion: {rto: 20s}, availability: 1}
repeat: 1
"""


def test_a_real_drill_tells_the_console_what_it_does(page, cloud, tmp_path):
    (tmp_path / "drill.yaml").write_text(DRILL)
    (tmp_path / "recover.py").write_text("")
    turn(page, "5", "Drill")
    words = [sys.executable, "-m", "kumoniwa.cli.main", "drill", str(tmp_path), "--out", str(tmp_path / "out"), "--endpoint", f"http://127.0.0.1:{cloud.port}"]
    running = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env={**os.environ})
    page.wait("document.querySelector('main h2')?.innerText.startsWith('Events are taken again after us-east-1 was lost')", 30)
    page.wait("document.querySelector('svg rect.fault')", 30)  # while it acts
    said = running.communicate(timeout=120)[0]
    assert running.returncode == 0, said
    page.wait("document.querySelectorAll('table .met').length >= 3", 30)
    marks = page.run("[...document.querySelectorAll('svg .mark-line + text')].map(t => t.textContent).join()").split(",")
    assert marks[0] == "fault" and {"decided", "healed", "recovered", "recover.py", "recover.py done"} <= {*marks}
    assert page.run("document.querySelectorAll('svg rect.ok').length") >= 5
    shown = page.run("document.body.innerText")
    assert "multiRegion.rto" in shown and "runbook recover.py" in shown and "us-east-1" in shown
    answered = page.run("+document.body.innerText.match(/(\\d+) answered/)[1]")
    assert answered > 60


def test_what_comes_with_every_request_pushes_no_drill_out(page, cloud):
    turn(page, "5", "Drill")
    page.wait("document.querySelector('main h2')")
    page.run("import('./app.js').then((app) => { window.told = app.cloud.events; window.app = app; }); 1")
    page.wait("window.told && told.some((event) => event.kind === 'drill')")
    drills = page.run("told.filter((event) => event.kind === 'drill').length")
    page.run("for (let n = 0; n < 6000; n++) told.push({ kind: 'call', t: 0 }); 1")
    cloud.client("sqs", EU).list_queues()
    page.wait("app.cloud.events.length < 6000")
    assert page.run("app.cloud.events.filter((event) => event.kind === 'drill').length") == drills


def test_pages_forbid_what_is_not_theirs(cloud):
    connection = http.client.HTTPConnection("127.0.0.1", cloud.port)
    connection.request("GET", "/_kumoniwa/")
    answer = connection.getresponse()
    answer.read()
    assert (answer.status, "default-src 'none'" in answer.getheader("Content-Security-Policy")) == (200, True)
    for path in ("/_kumoniwa/../pages.py", "/_kumoniwa/static/app.js", "/_kumoniwa/nothing.html"):
        connection.request("GET", path)
        answer = connection.getresponse()
        answer.read()
        assert answer.status == 404
    connection.close()
