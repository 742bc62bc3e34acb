"""The admin door from outside: the commands that ask a running cloud, and how they ask."""

from __future__ import annotations

import argparse
import json
import os
import shlex
import sys
import urllib.error
import urllib.request
from urllib.parse import urlsplit

EXIT_REFUSED = 1
EXIT_NOBODY_THERE = 2
ANSWERED_WITHIN_S = 120


def admin(endpoint: str, method: str, path: str, body: dict | None = None) -> dict:
    """One call of the admin door. Exits with a plain message if nobody is there or it refuses."""
    data = json.dumps(body).encode() if body is not None else b"" if method == "POST" else None
    return json.loads(_asked(endpoint, method, path, data))


def _asked(endpoint: str, method: str, path: str, data: bytes | None = None) -> bytes:
    # The admin door speaks both; without TLS nobody needs to know whom to trust.
    plain = f"http://{endpoint.rstrip('/').removeprefix('http://').removeprefix('https://')}"
    request = urllib.request.Request(f"{plain}/_kumoniwa/{path}", method=method, data=data)
    try:
        with urllib.request.urlopen(request, timeout=ANSWERED_WITHIN_S) as reply:
            return reply.read()
    except urllib.error.HTTPError as error:
        body = error.read().decode("utf-8", "replace")
        print(f"kumoniwa: {_message(body)}", file=sys.stderr)
        raise SystemExit(EXIT_REFUSED)
    except (urllib.error.URLError, OSError, ValueError) as error:
        reason = getattr(error, "reason", error)
        print(f"kumoniwa: no cloud answers at {endpoint} ({reason}). Start one with `kumoniwa up`.", file=sys.stderr)
        raise SystemExit(EXIT_NOBODY_THERE)


def _message(body: str) -> str:
    try:
        return json.loads(body)["message"]
    except (ValueError, KeyError, TypeError):
        return body


def status(asked: argparse.Namespace) -> int:
    health = admin(asked.endpoint, "GET", "health")
    host = urlsplit(asked.endpoint).hostname
    print(f"kumoniwa {health['version']} at {asked.endpoint}, up {health['uptime_s']:.0f} s")
    print(f"  console          {asked.endpoint.rstrip('/')}/_kumoniwa/")
    print(f"  name servers     {host} port {health['dns_port']}, UDP and TCP")
    print(f"  X-Ray daemon     {health['xray']}, UDP and TCP")
    if not health["regions"]:
        print("no region has been used yet")
    for name, region in health["regions"].items():
        print(f"  {name:<16} {region['state']:<9} pid {region['pid'] or '-':<8} {region['address']:<12} {region['connections']} connections")
    return 0


def env(asked: argparse.Namespace) -> int:
    """Lines for a shell. Policies that tools make refuse what comes without TLS, so they are to speak it; the certificate of the
    cloud's authority is kept where they can read it. With ``--proxy`` they need no endpoint: the cloud is the proxy that leads AWS's own
    names here, also for programs that find no name under ``localhost`` because they ask a name server themselves (those in Go)."""
    place = urlsplit(asked.endpoint)
    folder = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "kumoniwa")
    os.makedirs(folder, exist_ok=True)
    bundle = os.path.join(folder, f"ca-{place.port}.pem")
    with open(bundle, "wb") as file:
        file.write(_asked(asked.endpoint, "GET", "ca.pem"))
    key = asked.account or os.environ.get("AWS_ACCESS_KEY_ID") or "test"
    if asked.proxy:
        print("unset AWS_ENDPOINT_URL")
        found = {"HTTPS_PROXY": f"http://localhost:{place.port}", "SSL_CERT_FILE": bundle, "REQUESTS_CA_BUNDLE": bundle}
    else:
        found = {"AWS_ENDPOINT_URL": f"https://localhost:{place.port}"}
    variables = found | {
        "AWS_CA_BUNDLE": bundle, "NODE_EXTRA_CA_CERTS": bundle,
        "AWS_ACCESS_KEY_ID": key, "AWS_SECRET_ACCESS_KEY": os.environ.get("AWS_SECRET_ACCESS_KEY") or "test",
        "AWS_REGION": asked.region, "AWS_DEFAULT_REGION": asked.region,
    }  # fmt: skip
    for name, value in variables.items():
        print(f"export {name}={shlex.quote(value)}")
    return 0


def gaps(asked: argparse.Namespace) -> int:
    gaps = admin(asked.endpoint, "GET", "gaps")
    for what, count in gaps.items():
        print(f"{count:>6}  {what}")
    if not gaps:
        print("nothing was asked for that is not implemented")
    return 0


def region(asked: argparse.Namespace) -> int:
    reply = admin(asked.endpoint, "POST", f"regions/{asked.name}/{asked.what}")
    print(f"{reply['region']} is {reply['state']}")
    return 0


def down(asked: argparse.Namespace) -> int:
    admin(asked.endpoint, "POST", "down")
    print("the cloud is going down")
    return 0
