"""The links of letters that ask for a certificate's approval.

    GET /_aws/acm/<region>/approve/<account>/<certificate>/<token>
"""

from __future__ import annotations

import html
from typing import Any

from kumoniwa.gate.address import Address
from kumoniwa.gate.certificate import Certificate, held
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.acm import issuing, proof
from kumoniwa.services.acm.work import SERVICE
from kumoniwa.wire.message import Request, Response

PAGE = '<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title><h1>{title}</h1><p>{text}</p></html>'
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
}


async def serve(home: Any, request: Request, address: Address, request_id: str) -> Response:
    parts = address.path.strip("/").split("/")[3:]
    if len(parts) == 4 and parts[0] == "approve" and request.method == "GET" and parts[1] in home.store.accounts():
        call = home.call("acm", parts[1], principals.service(SERVICE, parts[1]))
        if call.atomically(lambda: _approve(call, call.arn(f"certificate/{parts[2]}"), parts[3])):
            return _page(200, "Approved", "You have approved the certificate.")
    return _page(404, "This link does not count", "It belongs to an older letter, or to a request that waits no more.")


def _approve(call: Call, arn: str, token: str) -> bool:
    certificate = held(call, arn)
    if certificate is None or certificate.status not in ("PENDING_VALIDATION", "ISSUED"):
        return False
    member = "proofs" if certificate.status == "PENDING_VALIDATION" else "renewal_proofs"
    before = getattr(certificate, member)
    after = proof.opened(before, token)
    if after == before:
        return False
    call.shelf(Certificate)[arn] = changed(certificate, **{member: after})
    issuing.look_again(call, arn, call.now())
    return True


def _page(status: int, title: str, text: str) -> Response:
    return Response(status, PAGE.format(title=html.escape(title), text=html.escape(text)).encode(), HEADERS)
