"""The data keys that one resource is sealed with, one after the other.

Whoever writes seals with a data key that KMS made for him, as long as a service may use it again; whoever reads has KMS open the one
that was used. Both by ``Shut``: the gate asks KMS and runs the operation again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import NamedTuple

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.data_key import DataKey, Ring, Shut
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record

REUSED_S = 300.0


class Link(Record):
    """A data key, shelved by its id."""

    id: str
    of: str
    """What is sealed with it."""
    data_key: DataKey
    made: float


class Current:
    """What whoever writes goes on sealing with, by what he writes to, the key of KMS and himself. Not durable."""

    def __init__(self) -> None:
        self.links: dict[tuple[str, str, str], Link] = {}


class Chain(NamedTuple):
    """How one resource is sealed: ``of`` names it, ``key`` is KMS's, and ``words`` tell KMS's refusals as the service does. A data key is
    used again for ``reused_s``; ``is_direct`` if whoever calls asks KMS himself, and not the service on his behalf."""

    of: str
    key: str
    context: dict[str, str]
    words: Callable[[], AbstractContextManager[None]]
    reused_s: float = REUSED_S
    is_direct: bool = False

    def seal(self, call: Call, body: bytes) -> tuple[str, bytes]:
        """The id of the data key, and the body under it. Raises Shut as ``current`` does."""
        link, secret = self.current(call)
        return link.id, sealed(secret, link.id, body)

    def current(self, call: Call) -> tuple[Link, bytes]:
        """What this caller seals with now. Raises Shut until there is something."""
        link = call.memory(Current).links.get((self.of, self.key, call.principal.arn))
        secret = call.memory(Ring).held(call, link.data_key) if link is not None else None
        if secret is None:
            raise Shut(partial(self._lengthen, call))
        return link, secret

    async def _lengthen(self, call: Call) -> None:
        with self.words():
            data_key, secret = await data_keys.fresh(call, self.key, self.context, is_direct=self.is_direct)
        link = Link(id=call.new_id(), of=self.of, data_key=data_key, made=call.now())
        call.atomically(partial(call.shelf(Link).__setitem__, link.id, link))
        call.memory(Ring).keep(call, data_key, secret, self.reused_s)
        call.memory(Current).links[self.of, self.key, call.principal.arn] = link

    def unseal(self, call: Call, id_: str, sealed: bytes) -> bytes:
        """What was sealed with a data key of this id. Raises Shut until it is open for this caller."""
        from kumoniwa.engines import cipher  # noqa: PLC0415 - heavy, and only what is sealed needs it

        return cipher.unseal(self.secret(call, id_), sealed, id_.encode())

    def secret(self, call: Call, id_: str) -> bytes:
        """The secret of a data key. Raises Shut until it is open for this caller."""
        secret = call.memory(Ring).held(call, call.shelf(Link)[id_].data_key)
        if secret is None:
            raise Shut(partial(self.open, call, id_))
        return secret

    async def open(self, call: Call, id_: str) -> bytes:
        """The secret of a data key. Raises what KMS answers, in the service's words."""
        data_key = call.shelf(Link)[id_].data_key
        secret = call.memory(Ring).held(call, data_key)
        if secret is None:
            with self.words():
                secret = await data_keys.opened(call, data_key, is_direct=self.is_direct)
            call.memory(Ring).keep(call, data_key, secret, self.reused_s)
        return secret


def sealed(secret: bytes, id_: str, body: bytes) -> bytes:
    """A body under the data key of this id."""
    from kumoniwa.engines import cipher  # noqa: PLC0415 - heavy, and only what is sealed needs it

    return cipher.seal(secret, body, id_.encode())


def forget(call: Call, of: str, before: float) -> None:
    """Drop the data keys of a resource that nothing is sealed with any more, because all of it came later."""
    shelf = call.shelf(Link)
    for link in [link for link in shelf.values() if link.of == of and link.made < before - REUSED_S]:
        del shelf[link.id]


@contextmanager
def told_as(codes: dict[str, str]) -> Iterator[None]:
    """KMS's refusals under the codes by which another service's model names them; those without one stay as they are."""
    try:
        yield
    except AwsError as error:
        code = codes.get(error.code)
        if code is None:
            raise
        raise type(code, (AwsError,), {"code": code, "status": 400})(error.text, hint=error.hint) from None
