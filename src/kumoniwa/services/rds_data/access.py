"""The way from a call to a session: a cluster whose endpoint is on, a secret that the caller may read, and a session with its server.

Sessions are kept open for a while for who comes next as the same user; none of them remembers anything of the last call.
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, NamedTuple

import orjson

from kumoniwa.engines.postgresql.session import Gone, Refused, Session
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.rds import hosting
from kumoniwa.services.rds.instance import RUNNING, Cluster, members
from kumoniwa.services.rds_data.errors import (
    AccessDeniedException,
    BadRequestException,
    DatabaseErrorException,
    DatabaseNotFoundException,
    DatabaseUnavailableException,
    HttpEndpointNotEnabledException,
    InvalidResourceStateException,
    InvalidSecretException,
    SecretsErrorException,
)

IDLE_S = 30.0
IDLE_MAX = 4
"""How long sessions are kept for the next call, and how many of one user in one database."""
ENGINE = "data sessions"
_SETTINGS = {"application_name": "RDS Data API", "TimeZone": "UTC", "DateStyle": "ISO", "IntervalStyle": "postgres", "bytea_output": "hex"}


def known(call: Call, arn: str) -> Cluster | None:
    parsed = arns.parse(arn)
    if parsed is None or parsed.service != "rds" or not parsed.resource.startswith("cluster:"):
        return None
    if parsed.region != call.region or parsed.account != call.account:
        return None
    return call.shelf(Cluster).get(parsed.resource.removeprefix("cluster:"))


def cluster(call: Call, arn: str) -> Cluster:
    """One that statements can be asked of. A cluster that does not exist is told of as one whose endpoint is off; so AWS was seen to."""
    parsed = arns.parse(arn)
    if parsed is None or not parsed.resource.startswith("cluster:"):
        # Seen of the first Data API: aws/aws-sdk-ruby#1922.
        raise BadRequestException(f"Invalid cluster id: {arn}")
    found = known(call, arn)
    if found is None or not found.has_endpoint:
        raise HttpEndpointNotEnabledException(f"HttpEndpoint is not enabled for resource {arn}")
    if found.state in ("stopped", "stopping", "starting", "deleting", "failed"):
        # The text is one of ours.
        raise InvalidResourceStateException(f"The DB cluster is in the state {found.state}.")
    if not members(call, found):
        raise DatabaseNotFoundException
    return found


class Credentials(NamedTuple):
    user: str
    password: str


async def credentials(call: Call, secret: str) -> Credentials:
    """What a secret holds that the caller may read."""
    try:
        held = await call.ask("secretsmanager:GetSecretValue", SecretId=secret)
    except AwsError as error:
        if error.code in ("AccessDeniedException", "AccessDenied"):
            raise AccessDeniedException(error.text, hint=error.hint) from None
        raise SecretsErrorException(error.text, hint=error.hint) from None
    try:
        said = orjson.loads(held.get("SecretString") or "")
        found = Credentials(said["username"], said["password"])
    except (orjson.JSONDecodeError, KeyError, TypeError):
        found = Credentials("", "")
    if not all(isinstance(each, str) and each for each in found):
        # The text is one of ours. https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.access.html#data-api.secrets
        raise InvalidSecretException("The secret must hold a username and a password.")
    return found


class Sessions:
    """Those of a region that wait for the next call."""

    def __init__(self) -> None:
        self.idle: dict[tuple[str, ...], dict[Session, asyncio.TimerHandle]] = {}
        """With what ends each when its time is over."""

    def taken(self, key: tuple[str, ...]) -> Session | None:
        while waiting := self.idle.get(key):
            session = next(reversed(waiting))
            self._out(key, session)
            if session.is_open:
                return session
            session.abort()
        return None

    def kept(self, key: tuple[str, ...], session: Session) -> None:
        waiting = self.idle.setdefault(key, {})
        if len(waiting) < IDLE_MAX:
            waiting[session] = asyncio.get_running_loop().call_later(IDLE_S, self._tired, key, session)
        else:
            session.close()

    def _tired(self, key: tuple[str, ...], session: Session) -> None:
        self._out(key, session)
        session.close()

    def _out(self, key: tuple[str, ...], session: Session) -> None:
        self.idle[key].pop(session).cancel()
        if not self.idle[key]:
            del self.idle[key]

    async def close(self) -> None:
        for key, waiting in list(self.idle.items()):
            for session in list(waiting):
                self._out(key, session)
                session.abort()


def sessions(home: Any) -> Sessions:
    found = home.engines.get(ENGINE)
    if found is None:
        found = home.engines[ENGINE] = Sessions()
    return found


def _key(target: Cluster, who: Credentials, database: str) -> tuple[str, ...]:
    return (target.id, who.user, hashlib.sha256(who.password.encode()).hexdigest(), database)


async def opened(call: Call, target: Cluster, who: Credentials, database: str | None) -> Session:
    """A session of its own. A database that nobody names is the user's, as the server takes it: aws/aws-cli#8577."""
    if "\0" in f"{database}{who.user}":
        # It would end the name, and what follows would be another setting of the session. The text is one of ours.
        raise BadRequestException("The names of a database and a user cannot contain the character 0x00.")
    server = hosting.servers(call.home).by_id.get(target.id)
    if server is None or not server.is_ready or target.state not in RUNNING:
        raise DatabaseUnavailableException
    try:
        return await Session.opened(server.data, who.user, who.password, database or who.user, **_SETTINGS)
    except Refused as refused:
        raise DatabaseErrorException.of(refused) from None
    except Gone:
        raise DatabaseUnavailableException from None


@asynccontextmanager
async def session(call: Call, target: Cluster, who: Credentials, database: str | None) -> AsyncIterator[Session]:
    """A session for one call, of which nothing is left behind."""
    pool, key = sessions(call.home), _key(target, who, database or who.user)
    held = pool.taken(key) or await opened(call, target, who, database)
    try:
        yield held
    except BaseException:
        if not held.is_left:
            held.abort()
        raise
    if held.status != "I":
        held.abort()  # somebody began a transaction by a statement, which no other call can end
        return
    try:
        await held.run("discard all")
    except (Refused, Gone):
        held.abort()  # what was asked is done none the less
    except BaseException:
        held.abort()
        raise
    else:
        pool.kept(key, held)
