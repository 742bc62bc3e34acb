"""The addresses of SNS that whoever is subscribed may go to: the certificate of its signatures, and the links in its messages.

    GET /_aws/sns/<region>/SimpleNotificationService-<…>.pem
    GET /_aws/sns/<region>/?Action=ConfirmSubscription&TopicArn=…&Token=…
    GET /_aws/sns/<region>/?Action=Unsubscribe&SubscriptionArn=…
"""

from __future__ import annotations

from typing import Any
from urllib.parse import parse_qs

from kumoniwa.gate.address import Address
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.record import changed
from kumoniwa.services.sns import certificate
from kumoniwa.wire.message import Request, Response

LINKS = ("ConfirmSubscription", "Unsubscribe")


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    name = address.path.removeprefix(f"{certificate.PATH}{home.name}/")
    if request.method == "GET" and not name and parse_qs(request.query).get("Action", [""])[0] in LINKS:
        request.address = changed(address, door=None, signing_name="sns")
        return (await home.gate.relay(principals.ANONYMOUS, request))[0]
    held = certificate.held_by(home.call("sns", home.settings.account, principals.ANONYMOUS))
    if request.method in ("GET", "HEAD") and name == certificate.file_name(held):
        return Response(200, held.certificate, {"Content-Type": "application/x-pem-file"})
    return Response(404, b'{"message": "There is nothing at this address."}', {"Content-Type": "application/json"})
