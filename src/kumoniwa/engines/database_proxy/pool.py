"""The sessions of one database: as many as the target group allows, lent in the order in which clients asked."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from typing import TYPE_CHECKING, Any

from kumoniwa.engines.database_proxy.session import OPENED_WITHIN_S, DatabaseError, Key, Session
from kumoniwa.kernel.clock import monotonic

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kumoniwa.engines.database_proxy.client import Client
    from kumoniwa.engines.database_proxy.figures import Figures

AGAIN_S = 0.1
"""After how long a database that did not answer is asked again while somebody waits."""
LOOK_S, LOOK_AGAIN_S, KNOCK_AGAIN_S = 60.0, 0.5, 5.0
"""How often a database is looked at that nobody uses, one that was not there, and one that lets nobody in. The region says when it has begun or ended,
and what has become of secrets."""
SWEEP_S = 1.0
NO_CREDENTIALS = ("UNAVAILABLE", "AUTH_FAILURE", "Proxy does not have any registered credentials")
AVAILABLE, REGISTERING = ("AVAILABLE", "", ""), ("REGISTERING", "", "")


class TimedOut(Exception): ...


class _Waiting:
    def __init__(self, client: Client) -> None:
        self.client = client
        self.lent: asyncio.Future[Session] = asyncio.get_running_loop().create_future()


class Pool:
    def __init__(
        self, kind: type[Session], figures: Figures, tell: Callable[..., None], log: Callable[[str, str], None], passwords: Callable[[str], Any]
    ) -> None:
        self.kind, self.figures, self._tell, self._log, self._passwords = kind, figures, tell, log, passwords
        self.folder = ""
        """Where the database's socket lies; empty without a target."""
        self.barred = ""
        """Why no new session comes through the network, if none does. Those that are open stay, as security groups let them."""
        self.config: dict[str, Any] = {"most_percent": 100, "idle_percent": 50, "borrow_s": 120, "init": ""}
        self.users: dict[str, str] = {}
        self.sessions: set[Session] = set()
        self.health: tuple[str, str, str] = REGISTERING
        self.connections_max: int | None = None
        """What the database says, as far as it was asked in this life of its."""
        self._idle: list[Session] = []
        self._opening = 0
        self._waiting: deque[_Waiting] = deque()
        self._again: asyncio.TimerHandle | None = None
        self._sweeping: asyncio.TimerHandle | None = None
        self._looking: asyncio.Task | None = None
        self._tasks: set[asyncio.Task] = set()

    # Its shape --------------------------------------------------------------------------------

    def configure(self, folder: str, barred: str, config: dict[str, Any], users: dict[str, str]) -> None:
        if folder != self.folder:
            self.connections_max = None
            self._became(*REGISTERING)
            for each in list(self.sessions):
                each.close()
        elif config["init"] != self.config["init"]:
            for each in self.sessions:
                each.is_stale = True
            for each in self._idle:
                each.close()
        self.folder, self.barred, self.config, self.users = folder, barred, config, users
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._spawn(self._look()) if folder else None
        self._serve()

    @property
    def most(self) -> int:
        """One until it is known how many there may be."""
        return max(1, (self.connections_max or 0) * self.config["most_percent"] // 100)

    @property
    def idle_most(self) -> int:
        return (self.connections_max or 0) * self.config["idle_percent"] // 100

    def _spawn(self, coroutine: Any) -> asyncio.Task:
        task = asyncio.ensure_future(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    # Lending ----------------------------------------------------------------------------------

    def take(self, client: Client) -> Session | None:
        """One that is there and just as the client wants it."""
        while not self._waiting:
            wanted = (each for each in reversed(self._idle) if each.key == client.key and each.settings == client.settings)
            session = next(wanted, None)
            if session is None:
                break
            if self._is_there(session):
                self._idle.remove(session)
                session.lend(client)
                return session
        return None

    def take_again(self, session: Session, client: Client) -> bool:
        """The very one that the client had last, if nobody has had it since; answers whether it has it."""
        if session not in self._idle or session.last != client.number or session.settings != client.settings or not self._is_there(session):
            return False
        self._idle.remove(session)
        session.lend(client)
        return True

    def _is_there(self, session: Session) -> bool:
        """Whether one that lies idle may be lent. Its end may have come already, and not have been read: the client shall not be lost with it."""
        if session.has_news:
            session.transport.abort()
            self._lost(session)
            return False
        return True

    async def borrow(self, client: Client) -> Session:
        """One as soon as there is one. Raises TimedOut, DatabaseError."""
        while True:
            waiting = _Waiting(client)
            self._waiting.append(waiting)
            self._serve()
            try:
                session = await self._lent(waiting)
            except BaseException:
                if waiting in self._waiting:
                    self._waiting.remove(waiting)
                if not waiting.lent.cancel() and not waiting.lent.cancelled() and waiting.lent.exception() is None:
                    self.give(waiting.lent.result())  # it came just too late
                raise
            if session.settings != client.settings:
                try:
                    await self._set(session, client.settings)
                except (OSError, TimeoutError):
                    continue  # it went away the moment it came
            if not session.is_gone:
                session.lend(client)
                return session

    async def _lent(self, waiting: _Waiting) -> Session:
        """The time is counted where all sessions that there may be are lent, and while none can be opened; to open one takes what it takes."""
        began, limit = monotonic(), float(self.config["borrow_s"])
        while True:
            await asyncio.wait([waiting.lent], timeout=limit)
            if waiting.lent.done():
                return waiting.lent.result()
            is_opening = self._opening > 0 and self.health[0] != "UNAVAILABLE"
            if not is_opening or monotonic() - began > self.config["borrow_s"] + OPENED_WITHIN_S:
                raise TimedOut
            limit = AGAIN_S

    async def _set(self, session: Session, wanted: dict[str, str]) -> None:
        """Give a session the parameters that a client wants, and take back those of another."""
        try:
            await session.adopt(wanted, self.config["init"])
        except BaseException:
            session.close()
            raise
        session.settings = dict(wanted)

    def _serve(self) -> None:
        """Give those who wait what there is, and open what there may be."""
        while self._waiting and self.folder:
            head = self._waiting[0]
            if head.lent.done():
                self._waiting.popleft()
                continue
            session = self._best(head.client)
            if session is not None:
                if self._is_there(session):
                    self._waiting.popleft()
                    self._idle.remove(session)
                    head.lent.set_result(session)
                continue
            if self._again is not None or self._opening >= len(self._waiting):
                return
            if self._opening + len(self.sessions) < self.most:
                waiting = self._waiting[self._opening]
                self._opening += 1
                self._spawn(self._opened(waiting.client.key))
                continue
            other = next((each for each in self._idle if each.key != head.client.key), None)
            if other is None:
                return
            self._idle.remove(other)
            self.sessions.discard(other)
            other.close()

    def _best(self, client: Client) -> Session | None:
        own = [each for each in self._idle if each.key == client.key]
        return next((each for each in reversed(own) if each.settings == client.settings), own[-1] if own else None)

    def give(self, session: Session) -> None:
        """It is free again."""
        session.rest()
        if session.is_gone:
            return
        if session.is_stale or session not in self.sessions:
            self._forget(session, "The proxy closed it, because what it knew had changed.")
            session.close()
            return
        self._idle.append(session)
        self._serve()
        if self._sweeping is None and len(self._idle) > self.idle_most:
            self._sweeping = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)

    def give_reset(self, session: Session) -> None:
        """One that a client had to keep: what the client left there goes first."""
        session.rest()
        self._spawn(self._reset(session))

    async def _reset(self, session: Session) -> None:
        try:
            await session.reset(self.config["init"])
        except (OSError, DatabaseError, TimeoutError):
            self._forget(session, "It could not be reset.")
            session.close()
            return
        session.settings = {}
        self._log("INFO", f"[dbConnection={session.number}] The database connection was released to the connection pool upon session reset.")
        self.give(session)

    def _sweep(self) -> None:
        """Close what lies idle beyond what the target group keeps."""
        self._sweeping = None
        for session in sorted(self._idle, key=lambda each: each.idle_since)[: max(0, len(self._idle) - self.idle_most)]:
            if monotonic() - session.idle_since < SWEEP_S:
                self._sweeping = asyncio.get_running_loop().call_later(SWEEP_S, self._sweep)
                return
            self._forget(session, "The connection pool has more idle connections than MaxIdleConnectionsPercent allows.")
            session.close()

    def _forget(self, session: Session, why: str) -> None:
        if session in self.sessions:
            self.sessions.discard(session)
            self._log("INFO", f"[dbConnection={session.number}] The database connection closed. Reason: {why}")
        if session in self._idle:
            self._idle.remove(session)

    def drop(self, session: Session, why: str) -> None:
        """It is no good any more: somebody left in the midst of something."""
        self._forget(session, why)
        session.client = None
        if session.is_answering:
            self._spawn(self._cancel(session))
        else:
            session.close()
        self._serve()

    async def _cancel(self, session: Session) -> None:
        """End a statement that nobody waits for any more, and its session: the database would not notice before it is done."""
        with contextlib.suppress(OSError, DatabaseError, TimeoutError):
            await session.cancel(self._connect, lambda: self._try(session.key, self.users.get(session.key.user, "")))
        session.close()

    async def _connect(self, protocol: Callable[[], Any]) -> Any:
        with _within(self.folder) as place:
            return await asyncio.get_running_loop().create_unix_connection(protocol, f"{place}/{self.kind.SOCKET}")

    def _lost(self, session: Session) -> None:
        if session not in self.sessions:
            return
        self._forget(session, "The database closed it.")
        client, session.client = session.client, None
        if client is not None:
            client.bereft()
        self.connections_max = self.connections_max if self.sessions else None
        if not self.sessions and self.folder:
            self.look_now()
        self._serve()

    # Opening ----------------------------------------------------------------------------------

    async def _opened(self, key: Key) -> None:
        try:
            session = await self._open(key)
        except DatabaseError as error:
            self._opening -= 1
            if error.is_passing:
                self._later("CONNECTION_FAILED", error.words)
                return
            if error.is_login:
                self.look_now()
            for each in [each for each in self._waiting if each.client.key == key]:
                self._waiting.remove(each)
                if not each.lent.done():
                    each.lent.set_exception(error)
            self._serve()
        except (OSError, TimeoutError) as error:
            self._opening -= 1
            self._later("UNREACHABLE", str(error))
        except asyncio.CancelledError:
            self._opening -= 1
            raise
        else:
            self._opening -= 1
            self._became(*AVAILABLE)
            session.rest()
            if not session.is_gone:
                self._idle.append(session)
            self._serve()

    def _later(self, reason: str, words: str) -> None:
        self._became("UNAVAILABLE", reason, words)
        if self._again is None:
            self._again = asyncio.get_running_loop().call_later(AGAIN_S, self._now_again)

    def _now_again(self) -> None:
        self._again = None
        self._serve()

    async def _open(self, key: Key) -> Session:
        """A session that is logged in and furnished. A password that is refused is asked for once more: it may have been changed."""
        password = self.users.get(key.user)
        if password is None:
            raise DatabaseError("28000", "no credentials", is_login=True)
        try:
            session = await self._try(key, password)
        except DatabaseError as error:
            latest = await self._passwords(key.user) if error.is_login else None
            if latest is None or latest == password:
                raise
            session = await self._try(key, latest)
        self.sessions.add(session)
        return session

    async def _try(self, key: Key, password: str) -> Session:
        self.figures.count("DatabaseConnectionRequests")
        if self.barred:
            raise OSError(self.barred)
        session = self.kind(key, self._lost)
        try:
            await self._connect(lambda: session)
            await session.open(password)
            if self.connections_max is None:
                self.connections_max = await session.connections_max()
            await session.begin(self.config["init"])
        except BaseException:
            self.figures.count("DatabaseConnectionsSetupFailed")
            if session.transport is not None:
                session.transport.abort()
            raise
        self.figures.count("DatabaseConnectionsSetupSucceeded")
        self._log("INFO", f"[dbConnection={session.number}] A TCP connection was established from the proxy to the database.")
        return session

    # Health -----------------------------------------------------------------------------------

    def _became(self, state: str, reason: str, words: str) -> None:
        if (state, reason, words) != self.health:
            self.health = (state, reason, words)
            self._tell(health=[state, reason, words])

    def look_now(self) -> None:
        if not self.folder:
            return
        if self._looking is not None:
            self._looking.cancel()
        self._looking = self._spawn(self._look())

    async def _look(self) -> None:
        """See for ever that the database is there. While sessions are open their end tells when it is not."""
        while True:
            if not self.users:
                self._became(*NO_CREDENTIALS)
            elif self.barred:
                self._became("UNAVAILABLE", "UNREACHABLE", self.barred)
            elif not self.sessions and not self._opening:
                await self._probe()
            elif self.sessions:
                self._became(*AVAILABLE)
            await asyncio.sleep(LOOK_S if self.health == AVAILABLE else KNOCK_AGAIN_S if self.health[1] == "AUTH_FAILURE" else LOOK_AGAIN_S)

    async def _probe(self) -> None:
        self._opening += 1
        found = AVAILABLE
        try:
            for user in self.users:
                try:
                    session = await self._open(Key(user, self.kind.DATABASE))
                except DatabaseError as error:
                    kind = "AUTH_FAILURE" if error.is_login else "CONNECTION_FAILED"
                    found = ("UNAVAILABLE", kind, error.words)
                    if kind == "AUTH_FAILURE":
                        continue
                    break
                except (OSError, TimeoutError) as error:
                    found = ("UNAVAILABLE", "UNREACHABLE", str(error))
                    break
                found = AVAILABLE
                self._forget(session, "The proxy has seen that the database is there.")
                session.close()
                break
        finally:
            self._opening -= 1
        self._became(*found)
        self._serve()


@contextlib.contextmanager
def _within(folder: str) -> Iterator[str]:
    """The name of a socket is short, that of a data folder need not be."""
    here = os.open(folder, os.O_PATH | os.O_DIRECTORY)
    try:
        yield f"/proc/self/fd/{here}"
    finally:
        os.close(here)
