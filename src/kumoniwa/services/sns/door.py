"""The addresses of SNS that whoever is subscribed may go to: the certificate of its signatures, the links in its messages, and where a
phone's answers arrive.

    GET /_aws/sns/<region>/SimpleNotificationService-<…>.pem
    GET /_aws/sns/<region>/?Action=ConfirmSubscription&TopicArn=…&Token=…
    GET /_aws/sns/<region>/?Action=Unsubscribe&SubscriptionArn=…
    POST /_aws/sns/<region>/replies       {"from": "+15555550100", "text": "STOP", "account": …}
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa.gate.address import Address
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.record import changed
from kumoniwa.services.sns import certificate, phone
from kumoniwa.wire.message import Request, Response

LINKS = ("ConfirmSubscription", "Unsubscribe")


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    name = address.path.removeprefix(f"{certificate.PATH}{home.name}/")
    if request.method == "GET" and not name and parse_qs(request.query).get("Action", [""])[0] in LINKS:
        request.address = changed(address, door=None, signing_name="sns")
        return (await home.gate.relay(principals.ANONYMOUS, request))[0]
    if request.method == "POST" and name == "replies":
        return _reply(home, request)
    held = certificate.held_by(home.call("sns", home.settings.account, principals.ANONYMOUS))
    if request.method in ("GET", "HEAD") and name == certificate.file_name(held):
        return Response(200, held.certificate, {"Content-Type": "application/x-pem-file"})
    return Response(404, b'{"message": "There is nothing at this address."}', {"Content-Type": "application/json"})


def _reply(home: Any, request: Request) -> Response:
    """Somebody answers a text message to the account that sent it."""
    try:
        said = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        said = None
    said = said if isinstance(said, dict) else {}
    number, text, account = said.get("from"), said.get("text"), said.get("account", home.settings.account)
    if not (isinstance(number, str) and phone.is_number(number) and isinstance(text, str) and account in {home.settings.account, *home.store.accounts()}):
        return Response(400, b'{"message": "A reply has the number it is from, a text and the account it goes to."}', {"Content-Type": "application/json"})
    call = home.call("sns", account, principals.service("sns.amazonaws.com", account))
    is_out = call.atomically(lambda: phone.hear(call, number, text))
    return Response(200, orjson.dumps({"isOptedOut": is_out}), {"Content-Type": "application/json"})
