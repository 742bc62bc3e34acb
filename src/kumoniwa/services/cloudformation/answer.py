"""Answers from outside: what a custom resource's function or a machine that was waited for PUTs to the URL it was given.

AWS gives out URLs of an S3 bucket of its own; ours lead to this cloud's endpoint. The URL carries its own proof, so it needs
no record, and a deploy that was killed while it waited gives out the same URL again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any
from urllib.parse import quote, unquote, urlsplit

from kumoniwa.kernel.call import Call
from kumoniwa.store.rows import Table

ANSWERS = Table(
    "cloudformation_answer",
    """create table if not exists cloudformation_answer
       (place text, who text, body blob, at real, primary key (place, who)) without rowid""",
)
PATH = "/_aws/cloudformation/"
BYTES_MAX = 4096
"""https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/crpg-ref-responses.html"""
ANSWERS_MAX = 1000
KEPT_S = 7 * 86_400


def _proof(seal: bytes, place: str) -> str:
    return hmac.new(seal, b"cloudformation answer " + place.encode(), hashlib.sha256).hexdigest()


def url(call: Call, place: str) -> str:
    """Where an answer for ``place`` is to be PUT. A place is named by the account and a step of a deploy."""
    place = f"{call.account}/{place}"
    settings = call.home.settings
    return f"{settings.endpoint}{PATH}{call.region}/{_proof(settings.seal, place)}/{quote(place)}"


def place_of(call: Call, url: str) -> str:
    """The place of a URL that was given out here, or nothing."""
    account, _, place = named(call.home, urlsplit(url).path).partition("/")
    return place if account == call.account else ""


def named(home: Any, path: str) -> str:
    """The account and the place that a URL's path proves to be its own, or nothing."""
    region, _, rest = path.removeprefix(PATH).partition("/")
    proof, _, place = rest.partition("/")
    place = unquote(place)
    is_proven = hmac.compare_digest(proof.encode(), _proof(home.settings.seal, place).encode())
    return place if region == home.name and is_proven else ""


def put(call: Call, place: str, body: bytes) -> None:
    """Keep what came. Whoever answers twice is heard once, as the last wins until it is read."""
    rows = call.rows(ANSWERS)
    found = _read(body)
    rows.run("delete from cloudformation_answer where at < ?", call.now() - KEPT_S)
    if rows.one("select count(*) from cloudformation_answer where place = ?", place)[0] < ANSWERS_MAX:
        who, kept = str(found.get("UniqueId", ""))[:BYTES_MAX], json.dumps(found)
        rows.run(
            "insert or replace into cloudformation_answer values (?,?,?,?)", place, who, kept, call.now()
        )
    call.wake("answer", place)


def _read(body: bytes) -> dict[str, Any]:
    """An answer as an object with a Status; one that cannot be read is a failure that says so."""
    if len(body) > BYTES_MAX:
        return {"Status": "FAILED", "Reason": "Response object is too long."}
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {"Status": "FAILED", "Reason": "Invalid Response object: it is not JSON."}
    if not isinstance(found, dict) or found.get("Status") not in ("SUCCESS", "FAILED", "FAILURE"):
        return {
            "Status": "FAILED",
            "Reason": "Invalid Response object: Value of property Status must be SUCCESS or FAILED.",
        }
    return found


async def heard(call: Call, place: str, count: int, wait_s: float) -> list[dict[str, Any]]:
    """The answers that came to a place: as soon as there are enough or one says it failed, or when the time is over."""
    until = call.now() + wait_s
    while True:
        rows = call.rows(ANSWERS).all(
            "select body from cloudformation_answer where place = ? order by at", place
        )
        found = [json.loads(row[0]) for row in rows]
        if len(found) >= count or any(each["Status"] != "SUCCESS" for each in found) or call.now() >= until:
            return found
        await call.wait("answer", place, until=until)
