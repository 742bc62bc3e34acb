"""Passkeys, read and verified by fido2: what a browser answers when it has made a credential, or has signed a challenge with one.

Both answers come in the JSON that browsers write. A challenge is told in base 64 as it was sent, a public key is kept as COSE writes it.
https://www.w3.org/TR/webauthn-3/
"""

from __future__ import annotations

import re
import struct
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cryptography.exceptions import InvalidSignature

from kumoniwa.kernel.errors import NotImplementedHere

ES256, RS256 = -7, -257
CREDENTIAL_ID_MAX = 1_023
_DOMAIN = re.compile(r"(?=.{1,253}$)([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_ADDRESS = re.compile(r"[0-9.]+")
_ANDROID = "android:"
_UNREADABLE = (ValueError, KeyError, TypeError, IndexError, AttributeError, OverflowError, RecursionError, struct.error)
"""What reading strange bytes ends in."""


class Unreadable(Exception):
    """It is no answer of a browser's."""


class ForeignOrigin(Exception):
    """It was made on a page that is not the relying party's."""


class ForeignParty(Exception):
    """It is for another relying party."""


class Unsupported(Exception):
    """Such a credential is not taken: of another kind of key, or of somebody whom the authenticator has not verified."""


class Unproven(Exception):
    """Whatever else keeps an answer from proving anything. Says what."""


class Made(NamedTuple):
    """A credential."""

    id: str
    public_key: bytes
    counter: int
    attachment: str
    transports: tuple[str, ...]


class Shown(NamedTuple):
    """That somebody has one."""

    id: str
    counter: int
    user_handle: bytes | None


def _library() -> Any:
    """The package, with those of its modules that stand for a relying party's side."""
    try:
        import fido2.server  # noqa: PLC0415 (an extra)
    except ImportError:
        raise NotImplementedHere("passkeys without the extra kumoniwa[identity]")
    return fido2


def is_party(domain: str) -> bool:
    """Whether a domain may stand for somebody: a name, and none under which others have theirs."""
    if not _DOMAIN.fullmatch(domain) or _ADDRESS.fullmatch(domain):
        return False
    return domain == "localhost" or "." in domain and _library().rpid.verify_rp_id(domain, f"https://x.{domain}")


def challenge_in(credential: Any) -> str:
    """To which challenge a browser has answered. Raises Unreadable."""
    library = _library()
    try:
        data = library.webauthn.CollectedClientData(library.utils.websafe_decode(credential["response"]["clientDataJSON"]))
        return library.utils.websafe_encode(data.challenge)
    except _UNREADABLE as error:
        raise Unreadable(str(error)) from None


def _server(library: Any, party: str) -> Any:
    def check(origin: str) -> bool:
        if not isinstance(origin, str):
            raise Unreadable("the origin is no text")
        if origin.startswith(_ANDROID):
            raise NotImplementedHere("passkeys of Android apps, for which a file at the relying party's domain vouches")
        if not library.rpid.verify_rp_id(party, origin):
            raise ForeignOrigin(origin)
        return True

    return library.server.Fido2Server(library.webauthn.PublicKeyCredentialRpEntity(id=party, name=party), verify_origin=check)


def _state(challenge: str, is_verification_required: bool) -> dict[str, str]:
    return {"challenge": challenge, "user_verification": "required" if is_verification_required else "preferred"}


def _judged(verify: Callable[[], Any], server: Any, data: Any, is_verification_required: bool) -> None:
    """Whether the library is content, and why not."""
    try:
        verify()
    except _UNREADABLE as error:
        if data.rp_id_hash != server.rp.id_hash:
            raise ForeignParty from None
        if is_verification_required and not data.is_user_verified():
            raise Unsupported("its user was not verified") from None
        raise Unproven(str(error)) from None


def registered(credential: Any, party: str, challenge: str, algorithms: tuple[int, ...], *, is_verification_required: bool) -> Made:
    """The credential that a browser made for ``challenge``. Its attestation is not looked at. Raises what stands above."""
    library = _library()
    try:
        answer = library.webauthn.RegistrationResponse.from_dict(credential)
        data = answer.response.attestation_object.auth_data
        held = data.credential_data
        key, transports = held.public_key, tuple(credential["response"].get("transports") or ())
    except _UNREADABLE as error:
        raise Unreadable(str(error)) from None
    if not all(isinstance(each, str) for each in transports):
        raise Unreadable("its transports are no words")
    server, state = _server(library, party), _state(challenge, is_verification_required)
    _judged(lambda: server.register_complete(state, answer), server, data, is_verification_required)
    if held.credential_id != answer.raw_id or not 0 < len(held.credential_id) <= CREDENTIAL_ID_MAX:
        raise Unproven("the id is not the credential's")
    if key.get(3) not in algorithms or not _is_key(key):
        raise Unsupported("its key is of another kind")
    return Made(answer.id, library.cbor.encode(dict(key)), data.counter, str(answer.authenticator_attachment or ""), transports)


def _is_key(key: Any) -> bool:
    """Whether signatures can be verified by it: what nobody has signed is then refused, and nothing else goes wrong."""
    try:
        key.verify(b"", b"")
    except InvalidSignature:
        return True
    except _UNREADABLE:
        return False
    return False


def shown(credential: Any, party: str, challenge: str, keys: Mapping[str, bytes], *, is_verification_required: bool) -> Shown:
    """Which of somebody's credentials, given by id with their public keys, has signed ``challenge``. Raises what stands above."""
    library = _library()
    try:
        answer = library.webauthn.AuthenticationResponse.from_dict(credential)
        data, handle = answer.response.authenticator_data, answer.response.user_handle
    except _UNREADABLE as error:
        raise Unreadable(str(error)) from None
    held = [_attested(library, id_, key) for id_, key in keys.items()]
    server, state = _server(library, party), _state(challenge, is_verification_required)
    _judged(lambda: server.authenticate_complete(state, held, answer), server, data, is_verification_required)
    return Shown(answer.id, data.counter, handle)


def _attested(library: Any, id_: str, key: bytes) -> Any:
    of_nobody = library.webauthn.Aaguid.NONE
    return library.webauthn.AttestedCredentialData.create(
        of_nobody, library.utils.websafe_decode(id_), library.cose.CoseKey.parse(library.cbor.decode(key))
    )
