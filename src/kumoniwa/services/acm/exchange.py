"""What others ask of certificates here: services of other regions whether one is there, and what it is for; the door of the cloud, what to
show to who asks for a customer's own host name.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.engines import cipher
from kumoniwa.gate import certificate as certificates
from kumoniwa.gate.edge import EdgeName
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.names import HostName, host_at, host_named
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.acm import issuing
from kumoniwa.services.acm.work import SERVICE


async def hear(home: Any, origin: str, message: dict[str, Any]) -> Any:
    """``{"account": …, "certificate": ARN}``; with ``"bundle": True`` the certificate itself, its key and its chain in PEM;
    ``{"host": name}`` the same of whatever certificate is shown under a name, up to which those of clients must lead, and on which terms TLS
    is spoken; None where there is neither."""
    if "host" in message:
        hosts = home.store.shelf(SHARED, HostName)
        named = host_named(hosts, message["host"])
        if "at" in message and (own := host_at(hosts, message["at"])) is not None and (named is None or named.target != own.target):
            # Whatever is asked for at an address that somebody has to himself, he is meant.
            named = own
        shown = await _shown(home, named or host_named(home.store.shelf(SHARED, EdgeName), message["host"]))
        trust = named.trust if named is not None else None
        terms = named.terms if named is not None else None
        told = [list(terms.versions), list(terms.ciphers), terms.speaks_http_2] if terms is not None else None
        return None if shown is None and trust is None and terms is None else [shown, trust, told]
    call = home.call("acm", message["account"], principals.service(SERVICE, message["account"]))
    held = certificates.held(call, message["certificate"])
    if "bundle" in message:
        return _bundle(call, held) if held is not None else None
    return held and {"status": held.status, "names": list(held.names)}


async def _shown(home: Any, named: HostName | EdgeName | None) -> bytes | None:
    parsed = arns.parse(named.certificate) if named is not None and named.certificate else None
    if parsed is None:
        return None
    asked = {"account": parsed.account, "certificate": named.certificate, "bundle": True}
    try:
        return await (hear(home, home.name, asked) if parsed.region == home.name else home.exchange(parsed.region, "acm", asked))
    except AwsError:
        # The region of the certificate cannot be reached.
        return None


def _bundle(call: Call, held: certificates.Certificate) -> bytes | None:
    key = cipher.unseal(call.home.settings.seal, held.key, issuing.purpose(held.arn)) if held.status == "ISSUED" else None
    return b"\n".join((key, held.body.encode(), held.chain.encode())) if key is not None else None
