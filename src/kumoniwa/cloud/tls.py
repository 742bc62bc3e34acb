"""TLS on the one port: a connection that begins with a handshake is opened here and goes on, in plain, as any other.

The door keeps the encrypted end; what comes out of it (``wire.secure``) is looked at and passed to a region like a client's. Certificates come from an authority of this cloud (``GET /_kumoniwa/ca.pem``), one for each name that a client asks for; under names that
customers brought, those of ACM are shown that they named.
"""

from __future__ import annotations

import ssl
from collections.abc import Callable
from types import ModuleType

from kumoniwa.kernel.clock import Clock
from kumoniwa.wire.secure import Terms, context_of

HANDSHAKE = 0x16
"""The first byte of a client that speaks TLS."""
NAMES_MAX = 1_024


def authority_certificate(seal: bytes) -> bytes:
    """That of a new authority, to be kept. Its key is not: it follows from the seal."""
    return _engine().certificate_of(_engine().authority(seal, Clock().now()))


def authority(seal: bytes, certificate: bytes) -> bytes:
    return _engine().pair_of(seal, certificate)


def _engine() -> ModuleType:
    from kumoniwa.engines import certificates  # noqa: PLC0415 - heavy, and only TLS needs it

    return certificates


class Certificates:
    """What the cloud shows to whoever asks for a name."""

    def __init__(self, pair: Callable[[], bytes]) -> None:
        self._pair = pair
        self.contexts: dict[str, ssl.SSLContext] = {}
        self.brought: dict[str, tuple[tuple[bytes | None, str | None, Terms | None], ssl.SSLContext]] = {}
        """By name and address: what is shown there and asked for, and how."""

    @property
    def pair(self) -> bytes:
        return self._pair()

    @property
    def authority(self) -> bytes:
        """The certificate that a person may trust."""
        return _engine().certificate_of(self.pair)

    def context(self, name: str) -> ssl.SSLContext:
        """For a client that says no name before it has one: the address at which it came in, or ``localhost``."""
        found = self.contexts.get(name)
        if found is None:
            if len(self.contexts) >= NAMES_MAX:
                self.contexts.clear()
            found = self.contexts[name] = self._made(name)
        return found

    def _made(self, name: str) -> ssl.SSLContext:
        context = context_of(_engine().issued(self.pair, name, Clock().now()))
        context.sni_callback = self._asked
        return context

    def showing(self, place: str, name: str, bundle: bytes | None, trust: str | None = None, said: list | None = None) -> ssl.SSLContext:
        """For a client that asks at a place for a name under which a certificate of ACM is shown (its key, itself and its chain in PEM), or clients
        are asked for theirs, on terms of its owner's if he has ``said`` any."""
        held, terms = self.brought.get(place), Terms(tuple(said[0]), tuple(said[1]), said[2]) if said is not None else None
        if held is None or held[0] != (bundle, trust, terms):
            if len(self.brought) >= NAMES_MAX:
                self.brought.clear()
            shown = bundle if bundle is not None else _engine().issued(self.pair, name, Clock().now())
            held = self.brought[place] = (bundle, trust, terms), context_of(shown, trust, terms)
        return held[1]

    def _asked(self, connection: ssl.SSLObject, name: str | None, _: ssl.SSLContext) -> int | None:
        if name and len(name) <= 253:
            try:
                connection.context = self.context(name.lower())
            except ValueError:
                return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        return None
