"""The addresses of SES that are no API: links of verification mails, and the mailbox as test suites know it from LocalStack.

    GET    /_aws/ses[?id=…&email=…&account=…]    {"messages": […]}
    DELETE /_aws/ses[?id=…]
    GET    /_aws/ses/<region>/verify/<account>/<token>
    GET    /_aws/ses/<region>/dkim               {"<name of a TXT record>": "v=DKIM1; …"}

``/_aws/ses`` tells of the region that its host name names, else of the default region.
"""

from __future__ import annotations

import html
from functools import partial
from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa.gate.address import Address
from kumoniwa.services.ses import mailbox, signing, verification
from kumoniwa.wire.message import Request, Response

PAGE = (
    '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p></html>'
)
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    parts = address.path.strip("/").split("/")[2:]
    if len(parts) == 4 and parts[1] == "verify" and request.method == "GET":
        return _verify(home, parts[2], parts[3])
    if not parts and request.method in ("GET", "DELETE"):
        return _mailbox(home, request)
    if len(parts) == 2 and parts[1] == "dkim" and request.method == "GET":
        return _json(200, {name: value for call in home.calls("ses", "ses.amazonaws.com") for name, value in signing.records(call).items()})
    return _json(404, {"message": f"The mailbox has no {request.method} {request.path}."})


def _verify(home: Any, account: str, token: str) -> Response:
    for call in home.calls("ses", "ses.amazonaws.com"):
        if call.account == account and call.atomically(partial(verification.opened, call, token)):
            text = "You have successfully verified an email address. You can now send email from it."
            return _page(200, "Congratulations!", text)
    return _page(404, "This link does not count", "It was used for an older request, or more than 24 hours ago. Ask for another one.")


def _page(status: int, title: str, text: str) -> Response:
    return Response(status, PAGE.format(title=html.escape(title), text=html.escape(text)).encode(), HEADERS)


def _json(status: int, body: Any) -> Response:
    return Response(status, orjson.dumps(body), {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"})


def _mailbox(home: Any, request: Request) -> Response:
    asked = {name: values[0] for name, values in parse_qs(request.query).items()}
    calls = [call for call in home.calls("ses", "ses.amazonaws.com") if asked.get("account") in (None, call.account)]
    if request.method == "DELETE":
        for call in calls:
            mailbox.forget(call, asked.get("id"))
        return Response(204)
    told = [
        mailbox.as_others_tell(call, mail)
        for call in calls
        for mail in reversed(mailbox.newest(call))
        # What could not be written was not sent: people see it in the console.
        if mail.facts["kind"] != "failed"
        if asked.get("id") in (None, mail.id) and asked.get("email") in (None, mail.source, *mail.facts["outcome"])
    ]
    return _json(200, {"messages": told})
