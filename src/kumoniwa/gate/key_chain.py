"""The data keys that one resource is sealed with, one after the other.

Whoever writes seals with a data key that KMS made for him, as long as a service may use it again; whoever reads has KMS open the one
that was used. Both by ``Shut``: the gate asks KMS and runs the operation again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from typing import Any, NamedTuple

from kumoniwa.engines import cipher
from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate import patience
from kumoniwa.gate.data_key import DataKey, Ring, Shut
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record

REUSED_S = 300.0
_MARK = b"\xc1"
"""Begins what is sealed, and no msgpack, JSON or other text."""
_ID_BYTES = 36


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
    used again for ``reused_s``; ``is_direct`` if whoever calls asks KMS himself, and not the service on his behalf; ``is_proven`` if whoever
    writes must be able to read. Nothing is sealed with a data key any more after ``kept_s``, unless the service itself says when."""

    of: str
    key: str
    context: dict[str, str]
    words: Callable[[], AbstractContextManager[None]]
    reused_s: float = REUSED_S
    is_direct: bool = False
    is_proven: bool = False
    kept_s: float | None = None

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
            if self.is_proven:
                await data_keys.opened(call, data_key, is_direct=self.is_direct)
        link = Link(id=call.new_id(), of=self.of, data_key=data_key, made=call.now())
        call.atomically(partial(self._keep, call, link))
        call.memory(Ring).keep(call, data_key, secret, self.reused_s)
        call.memory(Current).links[self.of, self.key, call.principal.arn] = link

    def _keep(self, call: Call, link: Link) -> None:
        call.shelf(Link)[link.id] = link
        if self.kept_s is not None:
            forget(call, self.of, link.made - self.kept_s, self.reused_s)

    def unseal(self, call: Call, id_: str, sealed: bytes) -> bytes:
        """What was sealed with a data key of this id. Raises Shut until it is open for this caller."""
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
    return cipher.seal(secret, body, id_.encode())


class Lock(NamedTuple):
    """What a resource's data goes through on its way to the disk and back, for whoever speaks. Without a chain it stays as it is; what lies
    there as it came, comes as it lies. With a ``link`` all is sealed by that one. Raises Shut until the key is open."""

    chain: Chain | None = None
    speaker: Call | None = None
    link: str = ""

    def shut(self, body: bytes) -> bytes:
        if self.chain is None:
            return body
        if self.link:
            link, body = self.link, sealed(self.chain.secret(self.speaker, self.link), self.link, body)
        else:
            link, body = self.chain.seal(self.speaker, body)
        return _MARK + link.encode() + body

    def open(self, held: bytes) -> bytes:
        if not is_sealed(held):
            return held
        return self.chain.unseal(self.speaker, link_of(held), held[1 + _ID_BYTES :])

    async def proving(self, call: Call, act: Callable[[], Any]) -> Any:
        """Do what names a key, atomically, once whoever speaks was seen to know a key that encrypts."""
        with self.chain.words():
            await data_keys.described(self.speaker, self.chain.key, is_direct=self.chain.is_direct)
        return await data_keys.opening(call, act)

    def shut_text(self, text: str) -> str | bytes:
        return text if self.chain is None else self.shut(text.encode())

    def open_text(self, held: str | bytes) -> str:
        return held if isinstance(held, str) else self.open(held).decode()


OPEN = Lock()


def is_sealed(held: bytes) -> bool:
    return held[:1] == _MARK


def link_of(held: bytes) -> str:
    return held[1 : 1 + _ID_BYTES].decode()


def forget(call: Call, of: str, before: float, reused_s: float = REUSED_S) -> None:
    """Drop the data keys of a resource that nothing is sealed with any more, because all of it came later. One seals for as long as it
    is used again."""
    shelf = call.shelf(Link)
    for link in [link for link in shelf.values() if link.of == of and link.made < before - reused_s]:
        del shelf[link.id]


@contextmanager
def refused_as(kind: type[AwsError], *but: str) -> Iterator[None]:
    """KMS's refusals as one of a service whose model names none of KMS's, but for those of these codes. What another attempt may mend is no refusal."""
    try:
        yield
    except AwsError as error:
        if error.code in but or patience.is_passing(error):
            raise
        raise kind(error.text, hint=error.hint) from None


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
