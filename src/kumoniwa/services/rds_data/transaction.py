"""Transactions that last longer than a call: each has a session of its own.

One of which nothing was heard for three minutes is undone, and any after a day.
https://docs.aws.amazon.com/rdsdataservice/latest/APIReference/API_BeginTransaction.html
"""

from __future__ import annotations

import asyncio
import base64
from collections import OrderedDict
from collections.abc import Iterator
from contextlib import contextmanager

from kumoniwa.engines.postgresql.session import Session
from kumoniwa.kernel.call import Call
from kumoniwa.services.rds_data.errors import BadRequestException, DatabaseErrorException, TransactionNotFoundException

IDLE_S = 180.0
LIFE_S = 86_400.0
ID_BYTES = 138
"""184 characters, as AWS's are long."""
_REMEMBERED = 1_000
EXPIRED = "Transaction may be expired."
ENDED = "One previous call resulted in a termination of your transaction."


class Transaction:
    def __init__(self, id_: str, cluster: str, user: str, database: str, session: Session) -> None:
        self.id, self.cluster, self.user, self.database, self.session = id_, cluster, user, database, session
        self.is_busy = False
        self.timers: list[asyncio.TimerHandle] = []


class Transactions:
    """Those of an account in a region, and for a while why others are gone."""

    def __init__(self) -> None:
        self.by_id: dict[str, Transaction] = {}
        self.gone: OrderedDict[str, str] = OrderedDict()

    def begun(self, call: Call, cluster: str, user: str, database: str, session: Session) -> Transaction:
        id_ = base64.b64encode(call.ids.random.randbytes(ID_BYTES)).decode()
        made = self.by_id[id_] = Transaction(id_, cluster, user, database, session)
        made.timers.append(asyncio.get_running_loop().call_later(LIFE_S, self._expired, made))
        self._wait(made)
        return made

    def _wait(self, held: Transaction) -> None:
        held.timers[1:] = [asyncio.get_running_loop().call_later(IDLE_S, self._expired, held)]

    def _expired(self, held: Transaction) -> None:
        self.ended(held, EXPIRED)
        held.session.abort()  # of which the server undoes what was done

    def ended(self, held: Transaction, why: str = ENDED) -> None:
        for timer in held.timers:
            timer.cancel()
        self.by_id.pop(held.id, None)
        self.gone[held.id] = why
        if len(self.gone) > _REMEMBERED:
            self.gone.popitem(last=False)

    def _named(self, id_: str, cluster: str) -> Transaction:
        held = self.by_id.get(id_)
        if held is not None and not held.session.is_open:
            self.ended(held, EXPIRED)  # its server ended
            held = None
        if held is None or held.cluster != cluster:
            # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.troubleshooting.html
            raise TransactionNotFoundException(f"Transaction {id_} is not found. {self.gone.get(id_, EXPIRED)}")
        return held

    @contextmanager
    def used(self, id_: str, cluster: str, user: str, database: str | None = None) -> Iterator[Transaction]:
        """One whose turn it is, while it works. Raises what AWS answers to who is not alone with it."""
        held = self._named(id_, cluster)
        if held.user != user or database not in (None, "", held.database):
            # The text is one of ours.
            raise BadRequestException("The secret and the database must be those that the transaction was begun with.")
        if held.is_busy:
            # https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.differences.html
            raise DatabaseErrorException("Transaction is still running a query")
        for timer in held.timers[1:]:
            timer.cancel()
        held.is_busy = True
        try:
            yield held
        except asyncio.CancelledError:
            self.ended(held)
            held.session.abort()
            raise
        finally:
            held.is_busy = False
            if held.id in self.by_id:
                self._wait(held)
