"""Signed URLs and signed cookies: who shows a policy that a trusted key has signed may see what it names, while it says so.

https://docs.aws.amazon.com/AmazonCloudFront/latest/DeveloperGuide/private-content-signed-urls.html
"""

from __future__ import annotations

import base64
import binascii
import ipaddress
from collections.abc import Iterable
from functools import lru_cache
from typing import Any

import orjson
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA1
from cryptography.hazmat.primitives.serialization import load_pem_public_key

from kumoniwa.gate.edge import key_of
from kumoniwa.services.cloudfront import access, behavior, held

PARAMETERS = frozenset(("Expires", "Policy", "Signature", "Key-Pair-Id"))
_LETTERS = str.maketrans("-_~", "+=/")
_DENIED = ("AccessDenied", "Access denied")


class Unsigned(Exception):
    """A viewer who may not see it; code and text are what CloudFront answers with a 403."""

    def __init__(self, code: str, text: str) -> None:
        super().__init__(text)
        self.code, self.text = code, text


def _bytes(text: str, *refusal: str) -> bytes:
    try:
        return base64.b64decode(text.translate(_LETTERS), validate=True)
    except (binascii.Error, ValueError):
        raise Unsigned(*refusal) from None


def admit(
    home: Any, account: str, groups: Iterable[str], query: dict[str, str], cookies: dict[str, str], urls: Iterable[str], address: str, now: float
) -> None:
    """Raise Unsigned unless the viewer's URL or cookies are signed for one of these addresses, all of which mean the one that was asked."""
    said = query if "Key-Pair-Id" in query or "Signature" in query else {
        name.removeprefix("CloudFront-"): value for name, value in cookies.items() if name.startswith("CloudFront-")
    }  # fmt: skip
    if not said.get("Key-Pair-Id"):
        raise Unsigned("MissingKey", "Missing Key-Pair-Id query parameter or cookie value")
    key = _key(home, account, groups, said["Key-Pair-Id"])
    if "Signature" not in said or not ("Policy" in said or "Expires" in said):
        raise Unsigned(*_DENIED)
    signature = _bytes(said["Signature"], "MalformedSignature", "Could not unencode Signature")
    if "Policy" in said:
        document = _bytes(said["Policy"], "MalformedPolicy", "Malformed Policy")
        if not _is_signed(key, signature, document):
            raise Unsigned(*_DENIED)
        _judge(document, urls, address, now)
        return
    # A canned policy is not sent: whoever signed it and whoever checks it spell it alike.
    expires = said["Expires"]
    if (
        not expires.isascii()
        or not expires.isdigit()
        or int(expires) <= now
        or not any(_is_signed(key, signature, _canned(url, expires)) for url in urls)
    ):
        raise Unsigned(*_DENIED)


def _canned(url: str, expires: str) -> bytes:
    return f'{{"Statement":[{{"Resource":"{url}","Condition":{{"DateLessThan":{{"AWS:EpochTime":{expires}}}}}}}]}}'.encode()


def _key(home: Any, account: str, groups: Iterable[str], id: str) -> Any:
    shelf = held.shelf(home)
    trusted = {each for group in groups if (found := shelf.get(key_of(access.GROUP.name, group))) is not None for each in found.config["Items"]}
    found = shelf.get(key_of(access.KEY.name, id)) if id in trusted else None
    if found is None or found.account != account:
        raise Unsigned("InvalidKey", "Unknown Key")
    return _loaded(found.config["EncodedKey"])


@lru_cache(maxsize=256)
def _loaded(text: str) -> Any:
    return load_pem_public_key(text.encode())


def _is_signed(key: rsa.RSAPublicKey | ec.EllipticCurvePublicKey, signature: bytes, document: bytes) -> bool:
    try:
        if isinstance(key, rsa.RSAPublicKey):
            key.verify(signature, document, padding.PKCS1v15(), SHA1())
        else:
            key.verify(signature, document, ec.ECDSA(SHA1()))
    except InvalidSignature:
        return False
    return True


def _judge(document: bytes, urls: Iterable[str], address: str, now: float) -> None:
    """What a custom policy says, whose signature is good already."""
    try:
        (statement,) = orjson.loads(document)["Statement"]
        conditions = statement["Condition"]
        until = conditions["DateLessThan"]["AWS:EpochTime"]
        since = conditions.get("DateGreaterThan", {}).get("AWS:EpochTime", 0)
        network = ipaddress.ip_network(conditions.get("IpAddress", {}).get("AWS:SourceIp", "0.0.0.0/0"), strict=False)
        resource = statement.get("Resource", "*")
        is_within = ipaddress.ip_address(address) in network
        is_now = since < now < until
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Unsigned("MalformedPolicy", "Malformed Policy") from None
    if not is_now or not is_within or not any(_matches(str(resource), url) for url in urls):
        raise Unsigned(*_DENIED)


def _matches(resource: str, url: str) -> bool:
    """``*`` and ``?`` stand for what they do in path patterns; the scheme may be ``http*``."""
    return behavior.pattern(f"/{resource}").fullmatch(f"/{url}") is not None
