"""The main job, seen working: a SAM application in two regions, one region killed under load and brought back.

Users are created, read, updated and deleted through each region's own API over HTTP. us-east-1 is killed while they are;
its clients must see silence, and eu-west-1 must go on without one error. After the restart every write that was
acknowledged is read back. Exits non-zero if any claim fails.

    python patterns/user_api/demo.py [--seconds 4] [--dark 4]
"""

import argparse
import http.client
import json
import os
import re
import subprocess
import sys
import tempfile
import threading
import time
import urllib.request
from pathlib import Path

HERE = Path(__file__).parent
KUMONIWA = [sys.executable, "-m", "kumoniwa.cli.main"]
DOOMED, SURVIVOR = REGIONS = ("us-east-1", "eu-west-1")
CLIENTS = 3
SILENCE_S = 1.0
BACK_WITHIN_S = 60.0


class Client(threading.Thread):
    """One customer: creates, reads, updates and deletes users of its own, one after the other, and keeps a diary."""

    def __init__(self, name, region, port, api, stopping):
        super().__init__(daemon=True)
        self.name, self.region, self.port, self.api, self.stopping = name, region, port, api, stopping
        self.line = None
        self.diary = []  # (began, ended, kind of end)
        self.known = {}  # user id -> the values it may have; None means "not there"

    def run(self):
        number = 0
        while not self.stopping.is_set():
            number += 1
            user = f"{self.name}-{number}"
            if self.write("POST", "/users", user, {"userId": user, "round": 0}, 0, 201) and number % 2:
                self.call("GET", f"/users/{user}", None, 200)
                self.write("PUT", f"/users/{user}", user, {"round": 1}, 1, 200)
                if number % 4 == 1:
                    self.write("DELETE", f"/users/{user}", user, None, None, 204)

    def is_served_since(self, moment):
        return any(began > moment and how == "ok" for began, _, how in self.diary[-20:])

    def write(self, method, path, user, body, value, wanted):
        """One write. Acknowledged: this is its value now. Not acknowledged: it may or may not be."""
        before = self.known.get(user, {None})
        self.known[user] = before | {value}
        if self.call(method, path, body, wanted):
            self.known[user] = {value}
            return True
        return False

    def call(self, method, path, body, wanted):
        began = time.monotonic()
        try:
            if self.line is None:
                self.line = http.client.HTTPConnection("127.0.0.1", self.port, timeout=SILENCE_S)
            headers = {"Host": self.api.host, "Content-Type": "application/json"}
            self.line.request(method, self.api.stage + path, None if body is None else json.dumps(body), headers)
            reply = self.line.getresponse()
            reply.read()
            ended = "ok" if reply.status == wanted else f"status {reply.status}"
        except TimeoutError:
            ended = "silence"
        except ConnectionRefusedError:
            ended = "refused"
        except (ConnectionResetError, BrokenPipeError, http.client.RemoteDisconnected):
            ended = "reset"
        if ended != "ok" and self.line is not None:
            self.line.close()
            self.line = None
        self.diary.append((began, time.monotonic(), ended))
        return ended == "ok"


class Api:
    def __init__(self, url):
        self.host, _, stage = url.removeprefix("https://").partition("/")
        self.stage = "/" + stage


def say(text):
    print(text, flush=True)


def kumoniwa(*arguments, endpoint):
    done = subprocess.run([*KUMONIWA, *arguments, "--endpoint", endpoint], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"kumoniwa {' '.join(arguments)} failed:\n{done.stdout}{done.stderr}")
    return done.stdout


def start(folder):
    command = [*KUMONIWA, "up", "--port", "0", "--data", folder, "--regions", ",".join(REGIONS)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
    if not found:
        sys.exit(f"the cloud did not start: {line}")
    say(line.strip())
    return process, int(found[1])


def deploy(endpoint):
    """The same template in both regions; answers each region's API."""
    began = time.monotonic()
    said = kumoniwa(
        "deploy", str(HERE / "template.yaml"), "--stack", "user-api", "--region", *REGIONS, endpoint=endpoint
    )
    apis = {region: Api(url) for region, url in re.findall(r"\[(\S+)\] ApiUrl = (\S+)", said)}
    say(f"deployed user-api to {' and '.join(sorted(apis))} in {time.monotonic() - began:.1f} s")
    return apis


def walk_through(port, api, region):
    """Create, read, update and delete one user, and miss one, as a person would try it."""
    client = Client(f"first-{region}", region, port, api, threading.Event())
    steps = [
        ("POST", "/users", {"userId": "ada", "name": "Ada"}, 201),
        ("POST", "/users", {"userId": "ada", "name": "Ada"}, 409),
        ("GET", "/users/ada", None, 200),
        ("PUT", "/users/ada", {"name": "Ada Lovelace"}, 200),
        ("DELETE", "/users/ada", None, 204),
        ("GET", "/users/ada", None, 404),
        ("OPTIONS", "/users", None, 200),
        ("GET", "/elsewhere", None, 403),
    ]
    patient = http.client.HTTPConnection("127.0.0.1", port, timeout=20)  # the first call pays the cold start
    client.line = patient
    for method, path, body, wanted in steps:
        if not client.call(method, path, body, wanted):
            sys.exit(f"{region}: {method} {path} ended with {client.diary[-1][2]}, {wanted} expected")
    patient.close()
    say(f"{region}: create, read, update, delete, conflict, not found and CORS answer as they should")


def read_back(port, apis, clients):
    """Every user whose fate was acknowledged, read again; answers (checked, lost)."""
    checked, lost = 0, []
    lines = {region: http.client.HTTPConnection("127.0.0.1", port, timeout=20) for region in REGIONS}
    for client in clients:
        line, api = lines[client.region], apis[client.region]
        for user, values in client.known.items():
            line.request("GET", f"{api.stage}/users/{user}", headers={"Host": api.host})
            reply = line.getresponse()
            body = json.loads(reply.read())
            value = body.get("round") if reply.status == 200 else None
            checked += 1
            if value not in values:
                lost.append(f"{client.region} {user}: {value!r} read, one of {values!r} acknowledged")
    return checked, lost


def main():
    asked = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    asked.add_argument("--seconds", type=float, default=4.0, help="of load before the kill and after the restart")
    asked.add_argument("--dark", type=float, default=4.0, help="seconds between the kill and the restart")
    asked = asked.parse_args()
    folder = tempfile.TemporaryDirectory(prefix="kumoniwa-demo-")
    process, port = start(folder.name)
    endpoint = f"http://127.0.0.1:{port}"
    os.environ.update(AWS_ACCESS_KEY_ID="test", AWS_SECRET_ACCESS_KEY="test")
    try:
        return run(asked, port, endpoint)
    finally:
        process.terminate()
        process.wait(15)
        folder.cleanup()


def admin(endpoint, what):
    urllib.request.urlopen(f"{endpoint}/_kumoniwa/regions/{DOOMED}/{what}", data=b"", timeout=30).read()


def run(asked, port, endpoint):
    apis = deploy(endpoint)
    if set(apis) != set(REGIONS):
        sys.exit("the deployment did not answer an ApiUrl for each region")
    for region in REGIONS:
        walk_through(port, apis[region], region)
    stopping = threading.Event()
    clients = [Client(f"c{n}", region, port, apis[region], stopping) for region in REGIONS for n in range(CLIENTS)]
    say(f"{len(clients)} clients at work …")
    for client in clients:
        client.start()
    time.sleep(asked.seconds)
    killed = time.monotonic()
    admin(endpoint, "kill")
    say(f"{DOOMED} killed (SIGKILL) under load; {SURVIVOR} goes on …")
    time.sleep(asked.dark)
    back = time.monotonic()
    admin(endpoint, "restart")
    say(f"{DOOMED} restarted on its data …")
    doomed = [client for client in clients if client.region == DOOMED]
    while time.monotonic() < back + BACK_WITHIN_S and not all(client.is_served_since(back) for client in doomed):
        time.sleep(0.05)
    time.sleep(asked.seconds)
    stopping.set()
    for client in clients:
        client.join(15)
    say("reading back every acknowledged write …")
    checked, lost = read_back(port, apis, clients)
    return report(clients, killed, back, checked, lost)


def report(clients, killed, back, checked, lost):
    claims = []
    print(f"\n{'region':<12}{'requests':>10}{'ok':>8}{'silence':>9}{'refused':>9}{'reset':>7}{'other':>7}")
    counts = {}
    for region in REGIONS:
        ends = [entry[2] for client in clients if client.region == region for entry in client.diary]
        count = counts[region] = {kind: ends.count(kind) for kind in ("ok", "silence", "refused", "reset")}
        count["other"] = len(ends) - sum(count.values())
        row = "".join(f"{count[kind]:>{width}}" for kind, width in (("ok", 8), ("silence", 9), ("refused", 9), ("reset", 7), ("other", 7)))
        print(f"{region:<12}{len(ends):>10}{row}")
    diary = sorted(entry for client in clients if client.region == DOOMED for entry in client.diary)
    last_before = max((ended for _, ended, how in diary if how == "ok" and ended <= killed + 0.5 and ended < back), default=killed)
    first_after = min((ended for _, ended, how in diary if how == "ok" and ended > back), default=None)
    dark_s = None if first_after is None else first_after - last_before
    recovery_s = None if first_after is None else first_after - back
    print(f"\nseconds dark                 {'never came back' if dark_s is None else f'{dark_s:.2f}'}")
    print(f"recovery seconds             {'-' if recovery_s is None else f'{recovery_s:.2f}'}  (restart asked to first success)")
    print(f"users read back              {checked}")
    print(f"acknowledged writes lost     {len(lost)}")
    for line in lost[:20]:
        print(f"  {line}")
    doomed, survivor = counts[DOOMED], counts[SURVIVOR]
    claims.append((f"{SURVIVOR} answered every request", survivor["ok"] > 0 and sum(survivor.values()) == survivor["ok"]))
    claims.append((f"{DOOMED} was silent, neither refusing nor resetting", doomed["silence"] >= CLIENTS and not (doomed["refused"] or doomed["reset"] or doomed["other"])))
    claims.append((f"{DOOMED} came back", recovery_s is not None))
    claims.append(("no acknowledged write was lost", not lost and checked > 0))
    print()
    for text, holds in claims:
        print(f"{'holds ' if holds else 'FAILED'}  {text}")
    return 0 if all(holds for _, holds in claims) else 1


if __name__ == "__main__":
    raise SystemExit(main())
