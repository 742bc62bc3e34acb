"""What a listener is."""

from __future__ import annotations

from kumoniwa.kernel.record import Record

PROTOCOLS = ("HTTP", "HTTPS")
PUBLIC = {"HTTP": 80, "HTTPS": 443}
"""The ports that are the cloud's own one: what comes in plain there, and what in TLS."""


class Listener(Record):
    """Shelved by its ARN."""

    arn: str
    balancer: str
    protocol: str
    port: int
    created: float
    policy: str = ""
    certificate: str = ""
    """The one that is shown to who asks for no name of another."""
    more: tuple[str, ...] = ()
    attributes: dict[str, str] = {}
    tags: dict[str, str] = {}

    @property
    def every_certificate(self) -> tuple[str, ...]:
        return (self.certificate, *self.more) if self.certificate else ()

    @property
    def is_public(self) -> bool:
        """Whether it hears at the cloud's own port, and not at one of its own."""
        return PUBLIC[self.protocol] == self.port
