"""The mailboxes of all regions, as the admin door shows them.

    GET    /_kumoniwa/mail[?region=…&account=…&to=…]      {"mails": […]}, the newest first
    DELETE /_kumoniwa/mail[?region=…&account=…]
    GET    /_kumoniwa/mail/<region>/<id>                  one mail with its headers, text, HTML and attachments
    GET    /_kumoniwa/mail/<region>/<id>/raw | html | attachments/<n>

A mail is a stranger's text. Its HTML is served so that no script of it runs and nothing is fetched for it, wherever it is opened; an
attachment is only ever saved.
"""

from __future__ import annotations

import asyncio
from typing import Any
from urllib.parse import quote

from kumoniwa.cloud.fleet import Fleet, Member
from kumoniwa.wire.message import Response

NONE = (404, {"message": "There is no such mail in this region."})
HTML_POLICY = (
    "default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'self'; sandbox allow-popups allow-popups-to-escape-sandbox"
)
NOTHING_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


class Mail:
    def __init__(self, fleet: Fleet) -> None:
        self.fleet = fleet

    async def all(self, method: str, asked: dict[str, str]) -> tuple[int, Any]:
        """Of the regions that have a mailbox, all mails that are asked for; or these are thrown away."""
        if asked.keys() - {"region", "account", "to"} or (method == "DELETE" and "to" in asked):
            return 400, {"message": "Mails are asked for by region=us-east-1, account=000000000000 and to=ann@example.com."}
        members = [self.fleet.member(asked["region"])] if "region" in asked else list(self.fleet.members.values())
        members = [member for member in members if member.state == "running"]
        reports = await asyncio.gather(*(self.fleet.ask(member, "report") for member in members))
        members = [member for member, report in zip(members, reports) if (report or {}).get("has_mailbox")]
        message = {"ask": "list" if method == "GET" else "forget", "account": asked.get("account")}
        answers = await asyncio.gather(*(self.fleet.ask(member, "service", "ses", message) for member in members))
        mails = [mail for answer in answers for mail in answer or ()]
        if "to" in asked:
            mails = [mail for mail in mails if asked["to"] in mail["outcome"]]
        return 200, {"mails": sorted(mails, key=lambda mail: mail["time"], reverse=True)}

    async def one(self, member: Member, id_: str, part: list[str]) -> tuple[int, Any]:
        match part:
            case []:
                told = await self._ask(member, {"ask": "mail", "id": id_})
                return NONE if told is None else (200, told)
            case ["raw"]:
                raw = await self._ask(member, {"ask": "raw", "id": id_})
                return NONE if raw is None else (200, _served(raw, "text/plain; charset=utf-8", NOTHING_POLICY))
            case ["html"]:
                html = await self._ask(member, {"ask": "html", "id": id_})
                # Its links open in a page of their own: inside the frame they could not.
                content = None if html is None else b'<!doctype html><base target="_blank">' + html.encode("utf-8", "replace")
                return NONE if content is None else (200, _served(content, "text/html; charset=utf-8", HTML_POLICY))
            case ["attachments", number] if number.isdecimal():
                found = await self._ask(member, {"ask": "attachment", "id": id_, "part": int(number)})
                if found is None:
                    return NONE
                response = _served(found["content"], "application/octet-stream", NOTHING_POLICY)
                response.headers["Content-Disposition"] = f"attachment; filename*=UTF-8''{quote(found['name'], safe='')}"
                return 200, response
        return NONE

    async def _ask(self, member: Member, message: dict[str, Any]) -> Any:
        report = await self.fleet.ask(member, "report")
        return await self.fleet.ask(member, "service", "ses", message) if (report or {}).get("has_mailbox") else None


def _served(content: bytes, kind: str, policy: str) -> Response:
    headers = {"Content-Type": kind, "Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
    return Response(200, content, headers | {"Referrer-Policy": "no-referrer"})
