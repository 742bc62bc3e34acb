"""Opening tables that are encrypted under a key of KMS.

Whoever reads or writes must be allowed to decrypt with the key: DynamoDB opens the table's key in his name, and asks again when five
minutes are over. What it does when nobody asks (time to live, indexes, replication, copies) it does by a grant that was given when the
table was encrypted. A key that it finds shut closes the table.
https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/encryption.usagenotes.html
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any

import orjson

from kumoniwa.gate.data_key import DataKey, Ring, Shut
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationException
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import changed
from kumoniwa.services.dynamodb import item, sealing
from kumoniwa.services.dynamodb import table as tables
from kumoniwa.services.dynamodb.sealing import OPEN_PLACES, Encryption, Opened, Seal
from kumoniwa.services.dynamodb.table import Layout, Table

OPEN_S = 300.0
"""AWS asks again after five minutes without use; here five minutes are over whether the key was used or not."""
TRIED_AFTER_S = 60.0
RESEALED_S = 1.0
"""How long to wait for a table that is being written again, before looking for oneself."""
DEFAULT_KEY = "alias/aws/dynamodb"
STEP_ROWS = 200
_GRANTED = ["Encrypt", "Decrypt", "ReEncryptFrom", "ReEncryptTo", "GenerateDataKey", "DescribeKey", "RetireGrant"]


class AccessDeniedException(AwsError):
    status = 400


class AlreadyEncrypted(ValidationException):
    code = "ValidationException"
    message = "One or more parameter values were invalid: Table is already encrypted by given KMSMasterKeyId"


def find(call: Call, name: str) -> Layout | None:
    """``table.find`` for those who read and write items: a table whose key is not open for the caller is opened first."""
    layout = tables.find(call, name)
    if layout is not None and layout.is_guarded:
        admit(call, layout)
    return layout


def admit(call: Call, layout: Layout) -> None:
    encryption, is_moving = layout.encryption, layout.record.resealing is not None
    is_proven = encryption is None or call.memory(Ring).held(call, encryption.data_key) is not None
    if is_moving or not is_proven or not sealing.is_open(call, encryption, layout.id):
        raise Shut(partial(_unlock, call, layout.name))


def admit_to(call: Call, encryption: Encryption) -> Seal:
    """The open key of what is not in a table any more, such as a stream."""
    seal = call.memory(Opened).seals.get(encryption.data_key.wrapped)
    if seal is None or call.memory(Ring).held(call, encryption.data_key) is None:
        raise Shut(partial(opened, call, encryption))
    return seal


async def _unlock(call: Call, name: str) -> None:
    table = call.shelf(Table).get(tables.plain_name(name))
    if table is None:
        return
    if table.encryption is not None:
        try:
            await opened(call, table.encryption)
        except ValidationException:
            _mark(call, table, call.now())
            raise
        _mark(call, table, 0.0)
    if table.resealing is not None:
        await call.home.wait(("dynamodb", "resealed", call.account), call.now() + RESEALED_S)
    elif table.encryption is not None:
        await _loaded(call, table)


# Keys ----------------------------------------------------------------------------------------------


def _seen_by_kms(who: Principal, region: str) -> Principal:
    return changed(who, context={**who.context, "kms:ViaService": f"dynamodb.{region}.amazonaws.com"})


def _service(call: Call) -> Principal:
    return principals.service(f"dynamodb.{call.region}.amazonaws.com", call.account)


async def made(call: Call, name: str, key: str | None, region: str = "") -> Encryption:
    """A key for a table of this name (here, or its replica in another region), and leave for DynamoDB to use it."""
    region = region or call.region
    context = {"aws:dynamodb:tableName": name, "aws:dynamodb:subscriberId": call.account}
    who, service = _seen_by_kms(call.principal, region), f"dynamodb.{region}.amazonaws.com"
    wanted = {"KeyId": key or DEFAULT_KEY, "NumberOfBytes": 32, "EncryptionContext": context}
    with in_words_of_dynamodb(call):
        answer = await call.home.ask(who, "kms:GenerateDataKeyWithoutPlaintext", wanted, region=region, once=None)
        leave = {
            "KeyId": answer["KeyId"], "GranteePrincipal": service, "RetiringPrincipal": service, "Operations": _GRANTED,
            "Constraints": {"EncryptionContextSubset": context},
        }  # fmt: skip
        granted = await call.home.ask(who, "kms:CreateGrant", leave, region=region, once=None)
    data_key = DataKey(key=answer["KeyId"], wrapped=answer["CiphertextBlob"], context=context)
    return Encryption(data_key=data_key, grant=granted["GrantId"])


async def moved(call: Call, held: Encryption, key: str | None) -> Encryption:
    """The same table key under another key of KMS: no row changes."""
    context = held.data_key.context
    who, service = _seen_by_kms(call.principal, call.region), f"dynamodb.{call.region}.amazonaws.com"
    with in_words_of_dynamodb(call):
        if await _arn(call, who, key or DEFAULT_KEY) == held.data_key.key:
            raise AlreadyEncrypted
        answer = await call.home.ask(
            who, "kms:ReEncrypt",
            {
                "CiphertextBlob": held.data_key.wrapped, "SourceEncryptionContext": context, "DestinationKeyId": key or DEFAULT_KEY,
                "DestinationEncryptionContext": context,
            },
            region=None, once=None,
        )  # fmt: skip
        leave = {
            "KeyId": answer["KeyId"], "GranteePrincipal": service, "RetiringPrincipal": service, "Operations": _GRANTED,
            "Constraints": {"EncryptionContextSubset": context},
        }  # fmt: skip
        granted = await call.home.ask(who, "kms:CreateGrant", leave, region=None, once=None)
    fresh = Encryption(data_key=DataKey(key=answer["KeyId"], wrapped=answer["CiphertextBlob"], context=context), grant=granted["GrantId"])
    if (seal := call.memory(Opened).seals.get(held.data_key.wrapped)) is not None:
        call.memory(Opened).seals[fresh.data_key.wrapped] = seal
    return fresh


async def _arn(call: Call, who: Principal, key: str) -> str:
    return (await call.home.ask(who, "kms:DescribeKey", {"KeyId": key}, region=None, once=None))["KeyMetadata"]["Arn"]


async def opened(call: Call, encryption: Encryption) -> Seal:
    """The table's key, open for whoever calls."""
    ring, seals, data_key = call.memory(Ring), call.memory(Opened).seals, encryption.data_key
    if ring.held(call, data_key) is None or data_key.wrapped not in seals:
        with in_words_of_dynamodb(call):
            secret = await _decrypted(call, _seen_by_kms(call.principal, call.region), data_key)
        ring.keep(call, data_key, secret, OPEN_S)
        seals.setdefault(data_key.wrapped, Seal(secret))
    return seals[data_key.wrapped]


async def _decrypted(call: Call, who: Principal, data_key: DataKey) -> bytes:
    wanted = {"CiphertextBlob": data_key.wrapped, "EncryptionContext": data_key.context}
    return (await call.home.ask(who, "kms:Decrypt", wanted, region=None, once=None))["Plaintext"]


async def opened_for_service(call: Call, encryption: Encryption) -> Seal | None:
    """The table's key for what DynamoDB does by itself; None while it may not have it."""
    seals, wrapped = call.memory(Opened).seals, encryption.data_key.wrapped
    if wrapped not in seals:
        try:
            secret = await _decrypted(call, _service(call), encryption.data_key)
        except AwsError:
            return None
        seals.setdefault(wrapped, Seal(secret))
    return seals[wrapped]


async def is_ready(call: Call, table: Table) -> bool:
    """Whether DynamoDB can work on a table by itself; opens it if it may."""
    if table.encryption is None:
        return True
    if await opened_for_service(call, table.encryption) is None:
        return False
    await _loaded(call, table)
    return sealing.is_open(call, table.encryption, table.id)


def plain_changes(call: Call, encryption: Encryption, changes: list[tuple]) -> list[tuple]:
    """Rows of the log of changes as they may travel: the other region has another key."""
    seal, found = sealing.of(call, encryption), []
    for seq, pk, sk, *more, body in changes:
        found.append((seq, *seal.plain_place(pk, sk), *more, seal.plain_body((pk, sk), body)))
    return found


def retire(call: Call, encryption: Encryption) -> None:
    """DynamoDB needs the key no more."""
    wanted = {"KeyId": encryption.data_key.key, "GrantId": encryption.grant}

    async def tell() -> None:
        try:
            await call.home.ask(_service(call), "kms:RetireGrant", wanted, region=None, once=None)
        except AwsError:
            return  # the key is gone, or the grant was revoked

    call.home.spawn(tell())


@contextmanager
def in_words_of_dynamodb(call: Call) -> Iterator[None]:
    """KMS's refusals as DynamoDB tells them. Access: https://github.com/aws/aws-cdk/issues/10010; the rest:
    https://github.com/aws-solutions/generative-ai-application-builder-on-aws/issues/29"""
    try:
        yield
    except AwsError as error:
        if isinstance(error, AlreadyEncrypted) or (error.status or 400) >= 500:
            raise
        is_denied = error.code == "AccessDeniedException"
        end = f"(Service: AWSKMS; Status Code: 400; Error Code: {error.code}; Request ID: {call.request_id}; Proxy: null)"
        if is_denied:
            told = f"KMS key access denied error: com.amazonaws.services.kms.model.AWSKMSException: {error.text} {end}"
            raise AccessDeniedException(told, hint=error.hint) from None
        raise ValidationException(
            f"KMS validation error: com.amazonaws.services.kms.model.{error.code}: {error.text} {end}", hint=error.hint
        ) from None


# Places in memory ----------------------------------------------------------------------------------


async def _loaded(call: Call, table: Table) -> None:
    """Keep the places of an encrypted table's items in memory."""
    held = call.memory(Opened)
    lock = held.locks.setdefault(table.id, asyncio.Lock())
    async with lock:
        after: tuple[bytes, bytes] | None = (b"", b"")
        while after is not None and table.id not in held.loaded:
            now = call.shelf(Table).get(table.name)
            if now is None or now.id != table.id or now.encryption is None or now.resealing is not None:
                return
            after = _load_some(call, Layout(now), after)
            if after is None:
                held.loaded.add(table.id)
            else:
                await asyncio.sleep(0)


def _load_some(call: Call, layout: Layout, after: tuple[bytes, bytes]) -> tuple[bytes, bytes] | None:
    rows, seal = call.rows(item.ITEMS, OPEN_PLACES), sealing.of(call, layout.encryption)
    found = rows.all(
        "select pk, sk, item from dynamodb_item where tbl = ? and (pk, sk) > (?, ?) order by pk, sk limit ?", layout.id, *after, STEP_ROWS
    )
    for pk, sk, sealed in found:
        at = (pk, sk)
        item.put_open(rows, layout.id, seal.plain_place(pk, sk), at)
        if layout.indexes or layout.ttl_id:
            content = orjson.loads(seal.plain_body(at, sealed))
            for idx, place in zip(layout.place_ids, item.places(layout, content)):
                if place is not None:
                    item.put_open(rows, idx, place, at)
    return (found[-1][0], found[-1][1]) if len(found) == STEP_ROWS else None


def close(call: Call, table: Table) -> None:
    """Forget an encrypted table's key and places: on the disk is all that is needed to open it again."""
    held = call.memory(Opened)
    held.loaded.discard(table.id)
    held.seals.pop(table.encryption.data_key.wrapped, None)
    call.memory(Ring).forget(table.encryption.data_key)
    rows = call.rows(OPEN_PLACES)
    for idx in (table.id, *Layout(table).place_ids):
        rows.run("delete from dynamodb_open_place where idx = ?", idx)


# Watching keys -------------------------------------------------------------------------------------


async def watch(call: Call) -> None:
    """See which tables can be opened. DynamoDB closes those whose key it may not use, and opens them again when it may."""
    held = call.memory(Opened)
    for table in list(call.shelf(Table).values()):
        encryption = table.encryption
        if encryption is None or held.seen.get(encryption.data_key.wrapped, 0.0) + TRIED_AFTER_S > call.now():
            continue
        held.seen[encryption.data_key.wrapped] = call.now()
        try:
            secret = await _decrypted(call, _service(call), encryption.data_key)
        except AwsError as error:
            if (error.status or 400) < 500:
                _mark(call, table, call.now())
            continue
        held.seals.setdefault(encryption.data_key.wrapped, Seal(secret))
        _mark(call, table, 0.0)
        await _loaded(call, table)


def _mark(call: Call, table: Table, since: float) -> None:
    now = call.shelf(Table).get(table.name)
    if now is None or now.encryption is None or now.encryption.data_key != table.encryption.data_key:
        return
    if bool(now.encryption.inaccessible_since) != bool(since):
        call.shelf(Table)[now.name] = changed(now, encryption=changed(now.encryption, inaccessible_since=since))
    if since:
        close(call, now)


def wish(specification: dict[str, Any] | None) -> tuple[bool, str | None]:
    """Whether a key of KMS is wanted, and which; none for the one that AWS keeps in the account."""
    if specification is None or not specification.get("Enabled"):
        if specification is not None and (specification.get("SSEType") or specification.get("KMSMasterKeyId")):
            raise ValidationException(
                "One or more parameter values were invalid: SSEType and KMSMasterKeyId can only be specified when Enabled is true"
            )
        return False, None
    if specification.get("SSEType") == "AES256":
        raise ValidationException("One or more parameter values were invalid: SSEType AES256 is not supported")
    return True, specification.get("KMSMasterKeyId")
