"""Trusted IP lists and threat lists: addresses in an object of S3, read when the list is activated and not before it is again.

What one list trusts is silent, whatever another one says. Calls from outside come from loopback addresses here, which AWS would not have: they
may stand in lists as any others.
https://docs.aws.amazon.com/guardduty/latest/ug/guardduty_upload-lists.html
"""

from __future__ import annotations

import asyncio
import ipaddress
import json
import re
from collections.abc import Iterable
from functools import partial
from typing import Any

import msgspec

from kumoniwa.gate import patience
from kumoniwa.gate.names import region_of_bucket
from kumoniwa.gate.turns import Turns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.guardduty import detector as detectors
from kumoniwa.services.guardduty.detector import ROLE, SERVICE
from kumoniwa.services.guardduty.errors import AccessDeniedException, BadRequestException, absent, of_parameter
from kumoniwa.services.guardduty.judging import Lists
from kumoniwa.wire.message import BodyTooLarge, whole

TRUSTED, THREAT = "ipset", "threatintelset"
LISTS_MAX = {TRUSTED: 1, THREAT: 6}
ENTRIES_MAX = {TRUSTED: 2_000, THREAT: 250_000}
BYTES_MAX = 35 << 20
ACTIVE, INACTIVE, ACTIVATING, ERROR = "ACTIVE", "INACTIVE", "ACTIVATING", "ERROR"
PATIENCE_S, AGAIN_S = 60.0, 0.5
"""For how long, and how often, is tried to read an object that the role may not read yet: what it may do is replicated."""
_LOCATIONS = tuple(map(re.compile, (
    r"s3://(?P<bucket>[^/]+)/(?P<key>.+)",
    r"https?://s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/(?P<bucket>[^/]+)/(?P<key>.+)",
    r"https?://(?P<bucket>[^/]+?)\.s3(?:[.-][a-z0-9-]+)?\.amazonaws\.com/(?P<key>.+)",
)))  # fmt: skip


class AddressList(Record):
    """Shelved by its id."""

    id: str
    kind: str
    name: str
    location: str
    status: str
    owner: str = ""
    tags: dict[str, str] = {}
    asked: float = 0.0
    """When it was to be activated last."""
    networks: bytes = b""
    """What was read, packed: by length of prefix."""


# What it holds -------------------------------------------------------------------------------------


class Networks:
    """A set of networks: an address is looked for once for each length of prefix that there is."""

    def __init__(self, packed: bytes) -> None:
        self.by_length = {(version, length): frozenset(prefixes) for version, length, prefixes in msgspec.msgpack.decode(packed)}

    def __contains__(self, address: ipaddress.IPv4Address | ipaddress.IPv6Address) -> bool:
        number, bits = address.packed, address.max_prefixlen
        value = int.from_bytes(number)
        return any(
            version == address.version and (value >> (bits - length)).to_bytes(16) in prefixes
            for (version, length), prefixes in self.by_length.items()
        )


def read(text: str, most: int) -> bytes:
    """The networks of a text of one address or CIDR range in each line. What is neither, such as the name of a host, is passed over.
    Raises ValueError if there is none, or there are too many."""
    found: dict[tuple[int, int], set[bytes]] = {}
    count = 0
    for line in text.splitlines():
        try:
            network = ipaddress.ip_network(line.strip(), strict=False)
        except ValueError:
            continue
        count += 1
        prefix = int(network.network_address) >> (network.max_prefixlen - network.prefixlen)
        found.setdefault((network.version, network.prefixlen), set()).add(prefix.to_bytes(16))
    if not 1 <= count <= most:
        raise ValueError(f"A list has between 1 and {most} addresses, and this one has {count}.")
    return msgspec.msgpack.encode([[version, length, sorted(prefixes)] for (version, length), prefixes in sorted(found.items())])


class _Open:
    """The lists of an account, unpacked."""

    def __init__(self) -> None:
        self.of: tuple[tuple[str, str, bytes], ...] = ()
        self.lists = Lists()


def lists(call: Call) -> Lists:
    """The active lists of the account."""
    held = tuple((each.kind, each.name, each.networks) for each in call.shelf(AddressList).values() if each.status == ACTIVE)
    opened = call.memory(_Open)
    if opened.of != held:
        opened.of = held
        opened.lists = Lists(
            tuple(Networks(packed) for kind, _, packed in held if kind == TRUSTED),
            tuple((name, Networks(packed)) for kind, name, packed in held if kind == THREAT),
        )
    return opened.lists


# Operations ----------------------------------------------------------------------------------------


def _place(location: str) -> tuple[str, str]:
    for form in _LOCATIONS:
        if found := form.fullmatch(location):
            return found["bucket"], found["key"]
    raise of_parameter("location")


def _existing(call: Call, kind: str, detector: str, id_: str) -> AddressList:
    detectors.existing(call, detector)
    held = call.shelf(AddressList).get(id_)
    if held is None or held.kind != kind:
        raise absent()
    return held


async def _let_read(call: Call, kind: str, id_: str, location: str) -> None:
    """Let GuardDuty's role read the object: who makes a list needs iam:PutRolePolicy for that."""
    bucket, key = _place(location)
    allow = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:{call.home.partition}:s3:::{bucket}/{key}"}
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    try:
        await call.carried_out(SERVICE).ask("iam:PutRolePolicy", RoleName=ROLE.name, PolicyName=f"{kind}-{id_}", PolicyDocument=document)
    except AwsError as error:
        raise AccessDeniedException(error.text, hint=error.hint) from None


def _check_new(call: Call, kind: str, name: str) -> None:
    same = [each for each in call.shelf(AddressList).values() if each.kind == kind]
    if any(each.name == name for each in same):
        raise BadRequestException("The request is rejected because a list with the given name already exists.")
    if len(same) >= LISTS_MAX[kind]:
        text = f"The request is rejected because the account limit of {LISTS_MAX[kind]} lists of this kind has been reached."
        raise BadRequestException(text, Type="LimitExceededException")


def _keep(call: Call, held: AddressList, *, activates: bool) -> None:
    if activates:
        held = changed(held, status=ACTIVATING, asked=call.now())
        ACTIVATIONS.put(call, held.id, call.now())
    call.shelf(AddressList)[held.id] = held


async def _create(
    call: Call, kind: str, detector: str, name: str, format_: str, location: str, activates: bool, tags: dict[str, str] | None, owner: str | None
) -> str:
    detectors.existing(call, detector)
    if format_ != "TXT":
        raise NotImplementedHere(f"lists of the format {format_} of guardduty")
    _place(location)
    _check_new(call, kind, name)
    made = AddressList(
        id=call.ids.hex(32), kind=kind, name=name, location=location, status=INACTIVE, owner=owner or "", tags=detectors.tagged({}, tags)
    )
    await _let_read(call, kind, made.id, location)
    call.atomically(partial(_keep_new, call, made, activates))
    return made.id


def _keep_new(call: Call, made: AddressList, activates: bool) -> None:
    _check_new(call, made.kind, made.name)
    _keep(call, made, activates=activates)


async def _update(
    call: Call, kind: str, detector: str, id_: str, name: str | None, location: str | None, activates: bool | None, owner: str | None
) -> None:
    held = _existing(call, kind, detector, id_)
    if name is not None and name != held.name and any(each.kind == kind and each.name == name for each in call.shelf(AddressList).values()):
        raise BadRequestException("The request is rejected because a list with the given name already exists.")
    if location is not None or activates:
        await _let_read(call, kind, id_, location or held.location)
    call.atomically(partial(_change, call, kind, detector, id_, name, location, activates, owner))


def _change(
    call: Call, kind: str, detector: str, id_: str, name: str | None, location: str | None, activates: bool | None, owner: str | None
) -> None:
    held = _existing(call, kind, detector, id_)
    status = INACTIVE if activates is False else held.status
    new = changed(held, name=name or held.name, location=location or held.location, owner=held.owner if owner is None else owner, status=status)
    is_on = status in (ACTIVE, ACTIVATING)
    _keep(call, new, activates=bool(activates) or (is_on and location is not None and location != held.location))


def _shown(held: AddressList) -> dict[str, Any]:
    told = {"Name": held.name, "Format": "TXT", "Location": held.location, "Status": held.status, "Tags": held.tags}
    return {**told, "ExpectedBucketOwner": held.owner} if held.owner else told


def _ids(call: Call, kind: str, detector: str) -> list[str]:
    detectors.existing(call, detector)
    return [each.id for each in call.shelf(AddressList).values() if each.kind == kind]


async def _delete(call: Call, kind: str, detector: str, id_: str) -> None:
    _existing(call, kind, detector, id_)
    try:
        await call.carried_out(SERVICE).ask("iam:DeleteRolePolicy", RoleName=ROLE.name, PolicyName=f"{kind}-{id_}")
    except AwsError as error:
        if error.code != "NoSuchEntity":
            raise AccessDeniedException(error.text, hint=error.hint) from None
    call.shelf(AddressList).pop(id_, None)


async def CreateIPSet(
    call: Call, *, DetectorId: str, Name: str, Format: str, Location: str, Activate: bool, ClientToken: str | None = None,
    Tags: dict[str, str] | None = None, ExpectedBucketOwner: str | None = None,
) -> dict:  # fmt: skip
    return {"IpSetId": await _create(call, TRUSTED, DetectorId, Name, Format, Location, Activate, Tags, ExpectedBucketOwner)}


async def UpdateIPSet(
    call: Call, *, DetectorId: str, IpSetId: str, Name: str | None = None, Location: str | None = None, Activate: bool | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:  # fmt: skip
    await _update(call, TRUSTED, DetectorId, IpSetId, Name, Location, Activate, ExpectedBucketOwner)


def GetIPSet(call: Call, *, DetectorId: str, IpSetId: str) -> dict:
    return _shown(_existing(call, TRUSTED, DetectorId, IpSetId))


def ListIPSets(call: Call, *, DetectorId: str) -> dict:
    return {"IpSetIds": _ids(call, TRUSTED, DetectorId)}


async def DeleteIPSet(call: Call, *, DetectorId: str, IpSetId: str) -> None:
    await _delete(call, TRUSTED, DetectorId, IpSetId)


async def CreateThreatIntelSet(
    call: Call, *, DetectorId: str, Name: str, Format: str, Location: str, Activate: bool, ClientToken: str | None = None,
    Tags: dict[str, str] | None = None, ExpectedBucketOwner: str | None = None,
) -> dict:  # fmt: skip
    return {"ThreatIntelSetId": await _create(call, THREAT, DetectorId, Name, Format, Location, Activate, Tags, ExpectedBucketOwner)}


async def UpdateThreatIntelSet(
    call: Call, *, DetectorId: str, ThreatIntelSetId: str, Name: str | None = None, Location: str | None = None, Activate: bool | None = None,
    ExpectedBucketOwner: str | None = None,
) -> None:  # fmt: skip
    await _update(call, THREAT, DetectorId, ThreatIntelSetId, Name, Location, Activate, ExpectedBucketOwner)


def GetThreatIntelSet(call: Call, *, DetectorId: str, ThreatIntelSetId: str) -> dict:
    return _shown(_existing(call, THREAT, DetectorId, ThreatIntelSetId))


def ListThreatIntelSets(call: Call, *, DetectorId: str) -> dict:
    return {"ThreatIntelSetIds": _ids(call, THREAT, DetectorId)}


async def DeleteThreatIntelSet(call: Call, *, DetectorId: str, ThreatIntelSetId: str) -> None:
    await _delete(call, THREAT, DetectorId, ThreatIntelSetId)


# Activation ----------------------------------------------------------------------------------------


def activating(call: Call) -> Iterable[str]:
    return [each.id for each in call.shelf(AddressList).values() if each.status == ACTIVATING]


async def activate(call: Call, id_: str) -> None:
    """Read a list as GuardDuty's role."""
    held = call.shelf(AddressList).get(id_)
    if held is None or held.status != ACTIVATING:
        return
    bucket, key = _place(held.location)
    owner = {"ExpectedBucketOwner": held.owner} if held.owner else {}
    try:
        role = ROLE.assumed(call, "GuardDuty")
        answer = await role.ask("s3:GetObject", to_region=region_of_bucket(call.home, bucket), Bucket=bucket, Key=key, **owner)
        body = await whole(answer["Body"], BYTES_MAX)
        networks = await asyncio.to_thread(lambda: read(body.decode("utf-8", "replace"), ENTRIES_MAX[held.kind]))
    except AwsError as error:
        is_new = error.code == "AccessDenied" or patience.is_passing(error)
        if is_new and call.now() < held.asked + PATIENCE_S:
            ACTIVATIONS.put(call, id_, call.now() + AGAIN_S)
        else:
            call.atomically(partial(_settle, call, held, ERROR, held.networks))
    except (ValueError, BodyTooLarge):
        call.atomically(partial(_settle, call, held, ERROR, held.networks))
    else:
        call.atomically(partial(_settle, call, held, ACTIVE, networks))


def _settle(call: Call, before: AddressList, status: str, networks: bytes) -> None:
    held = call.shelf(AddressList).get(before.id)
    if held is not None and (held.status, held.asked) == (ACTIVATING, before.asked):
        call.shelf(AddressList)[held.id] = changed(held, status=status, networks=networks)


ACTIVATIONS = Turns("guardduty", SERVICE, "guardduty_activation")
