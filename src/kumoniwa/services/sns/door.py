"""The addresses of SNS that whoever is subscribed may go to: the certificate of its signatures, the links in its messages, and where
what phones and devices say arrives.

    GET /_aws/sns/<region>/SimpleNotificationService-<…>.pem
    GET /_aws/sns/<region>/?Action=ConfirmSubscription&TopicArn=…&Token=…
    GET /_aws/sns/<region>/?Action=Unsubscribe&SubscriptionArn=…
    POST /_aws/sns/<region>/replies       {"from": "+15555550100", "text": "STOP", "account": …}
    POST /_aws/sns/<region>/devices       {"endpoint": "arn:…:endpoint/GCM/…", "isRegistered": false}: the app was taken off a device
    POST /_aws/sns/<region>/sandbox       {"isInSandbox": false, "account": …}: text messages may go to anybody
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs

import orjson

from kumoniwa.gate.address import Address
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.sns import certificate, device, phone, push
from kumoniwa.services.sns.errors import InvalidParameterException
from kumoniwa.wire.message import Request, Response

LINKS = ("ConfirmSubscription", "Unsubscribe")


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    name = address.path.removeprefix(f"{certificate.PATH}{home.name}/")
    if request.method == "GET" and not name and parse_qs(request.query).get("Action", [""])[0] in LINKS:
        request.address = changed(address, door=None, signing_name="sns")
        return (await home.gate.relay(principals.ANONYMOUS, request))[0]
    if request.method == "POST" and name in _SAID:
        return _heard(home, request, _SAID[name])
    held = certificate.held_by(home.call("sns", home.settings.account, principals.ANONYMOUS))
    if request.method in ("GET", "HEAD") and name == certificate.file_name(held):
        return Response(200, held.certificate, {"Content-Type": "application/x-pem-file"})
    return Response(404, b'{"message": "There is nothing at this address."}', {"Content-Type": "application/json"})


def _heard(home: Any, request: Request, hear: Callable[[Call, dict[str, Any]], dict | None]) -> Response:
    """Somebody says something that no API says, to the account that it concerns."""
    try:
        said = orjson.loads(request.body)
    except orjson.JSONDecodeError:
        said = None
    said = said if isinstance(said, dict) else {}
    account = said.get("account", home.settings.account)
    answer = None
    if account in {home.settings.account, *home.store.accounts()}:
        call = home.call("sns", account, principals.service("sns.amazonaws.com", account))
        answer = call.atomically(lambda: hear(call, said))
    if answer is None:
        return Response(400, orjson.dumps({"message": hear.__doc__}), {"Content-Type": "application/json"})
    return Response(200, orjson.dumps(answer), {"Content-Type": "application/json"})


def _reply(call: Call, said: dict[str, Any]) -> dict | None:
    """A reply has the number it is from, a text and the account it goes to."""
    number, text = said.get("from"), said.get("text")
    if not (isinstance(number, str) and phone.is_number(number) and isinstance(text, str)):
        return None
    return {"isOptedOut": phone.hear(call, number, text)}


def _device(call: Call, said: dict[str, Any]) -> dict | None:
    """A device is named by the ARN of its endpoint, and is registered at its push service or not."""
    arn, is_registered = said.get("endpoint"), said.get("isRegistered")
    if not (isinstance(arn, str) and isinstance(is_registered, bool)):
        return None
    try:
        endpoint = device.find(call, arn)
    except InvalidParameterException:
        return None
    if endpoint is None:
        return None
    push.register(call, endpoint, is_registered=is_registered)
    return {"isRegistered": is_registered}


def _sandbox(call: Call, said: dict[str, Any]) -> dict | None:
    """An account is in the SMS sandbox or not."""
    is_in = said.get("isInSandbox")
    if not isinstance(is_in, bool):
        return None
    call.shelf(phone.Sandbox)[""] = phone.Sandbox(is_left=not is_in)
    return {"isInSandbox": is_in}


_SAID = {"replies": _reply, "devices": _device, "sandbox": _sandbox}
