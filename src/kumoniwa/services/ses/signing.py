"""DKIM: the signatures by which a receiver knows that a domain stands for a mail.

A mail carries the signature of its sender's domain, if that is proven for DKIM, and always one of amazonses.com, as on AWS. Keys are
made when they are first needed, beside the region's loop.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import re
import textwrap
from functools import lru_cache
from typing import Any

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.ses import identity as identities
from kumoniwa.services.ses.identity import Identity

AMAZONS = "amazonses.com"
SIGNED = ("from", "reply-to", "subject", "to", "cc", "message-id", "date", "mime-version", "content-type")
KEY_BITS = 2048
_FOLD = re.compile(rb"\r\n(?=[ \t])")
_BLANKS = re.compile(rb"[ \t]+")


class AmazonsKey(Record):
    """Shelved once, by the empty name: the key of this account's share of amazonses.com."""

    key: bytes
    selector: str


def signers(call: Call, sender: Any) -> list[Identity]:
    """The domain that signs for a sender beside Amazon: its own or the nearest above that is ready to."""
    for name in identities.candidates(sender):
        held = call.shelf(Identity).get(name)
        if held is not None and held.is_domain and held.is_dkim_enabled and held.dkim_status == "Success":
            return [held]
    return []


def is_ready(call: Call, sender: Any) -> bool:
    return "" in call.shelf(AmazonsKey) and all(held.dkim_key for held in signers(call, sender))


async def get_ready(call: Call, sender: Any) -> None:
    """Make the keys that a sender's mail needs."""
    if "" not in call.shelf(AmazonsKey):
        key = await asyncio.to_thread(_made, KEY_BITS)
        call.atomically(lambda: call.shelf(AmazonsKey).setdefault("", AmazonsKey(key=key, selector=call.ids.lower(32))))
    for held in signers(call, sender):
        if not held.dkim_key:
            key = await asyncio.to_thread(_made, held.dkim_bits)
            call.atomically(lambda held=held, key=key: _give(call, held.name, key))


def _give(call: Call, name: str, key: bytes) -> None:
    held = identities.find(call, name)
    if held is not None and not held.dkim_key:
        identities.keep(call, held, dkim_key=key)


def _made(bits: int) -> bytes:
    return _written(rsa.generate_private_key(public_exponent=65537, key_size=bits))


def _written(key: rsa.RSAPrivateKey) -> bytes:
    form = serialization.PrivateFormat.TraditionalOpenSSL
    return key.private_bytes(serialization.Encoding.PEM, form, serialization.NoEncryption())


def pem_of(text: str) -> bytes | None:
    """A customer's key as SES takes it, base64 of DER without its armour, in the form that we sign with; None if it is none."""
    try:
        der = base64.b64decode("".join(text.split()), validate=True)
        key = serialization.load_der_private_key(der, None)
    except (ValueError, TypeError):
        return None
    return _written(key) if isinstance(key, rsa.RSAPrivateKey) else None


def signed(call: Call, raw: bytes, sender: Any) -> bytes:
    """The text with its signatures above it, the domain's own on top."""
    amazons = call.shelf(AmazonsKey)[""]
    keys = [(AMAZONS, amazons.selector, amazons.key)]
    keys += [(held.name, held.dkim_selector or held.dkim_tokens[0], held.dkim_key) for held in signers(call, sender)]
    heads = [_signature(raw, *key, int(call.now())) for key in keys]
    return b"".join([*reversed(heads), raw])


def _signature(raw: bytes, domain: str, selector: str, key: bytes, at: int) -> bytes:
    """One header field by RFC 6376, with the canonicalization relaxed/simple."""
    head, _, body = raw.partition(b"\r\n\r\n")
    fields = {}
    for field in _FOLD.sub(b"", head).split(b"\r\n"):
        name, _, value = field.partition(b":")
        # Of several fields of one name the last is signed.
        fields[name.strip().lower().decode("latin-1")] = _BLANKS.sub(b" ", value).strip()
    names = [name for name in SIGNED if name in fields]
    digest = base64.b64encode(hashlib.sha256(body.rstrip(b"\r\n") + b"\r\n").digest()).decode()
    parts = (f"v=1; a=rsa-sha256; q=dns/txt; c=relaxed/simple; s={selector}; d={domain}; t={at};", f"h={':'.join(names)};", f"bh={digest};")
    said = b"".join(b"%s:%s\r\n" % (name.encode(), fields[name]) for name in names)
    said += f"dkim-signature:{' '.join(parts)} b=".encode()
    signature = base64.b64encode(_opened(key).sign(said, padding.PKCS1v15(), hashes.SHA256())).decode()
    lines = [*parts, "b=" + "\r\n\t".join(textwrap.wrap(signature, 70))]
    return ("DKIM-Signature: " + "\r\n\t".join(lines) + "\r\n").encode()


def records(call: Call) -> dict[str, str]:
    """The TXT records under which a receiver would find the account's keys, as far as they are made."""
    found = {f"{held.selector}._domainkey.{AMAZONS}": held.key for held in call.shelf(AmazonsKey).values()}
    for held in call.shelf(Identity).values():
        if held.dkim_key and not held.dkim_selector:
            found[f"{held.dkim_tokens[0]}.dkim.{AMAZONS}"] = held.dkim_key
    return {name: f"v=DKIM1; k=rsa; p={_public(key)}" for name, key in found.items()}


def _public(key: bytes) -> str:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    return base64.b64encode(_opened(key).public_key().public_bytes(serialization.Encoding.DER, form)).decode()


@lru_cache(maxsize=64)
def _opened(pem: bytes) -> rsa.RSAPrivateKey:
    """To read a key costs more than to sign with it."""
    return serialization.load_pem_private_key(pem, None)
