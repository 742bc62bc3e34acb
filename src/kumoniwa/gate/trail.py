"""What happened: one CloudTrail-shaped record for each management call, refused ones included.

Data events (reading an item, putting an object) are recorded where a trail asks for them, and only until it has them.
Record shape: CloudTrail user guide, "CloudTrail record contents".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.gate import trails
from kumoniwa.gate.address import GLOBAL
from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.errors import AwsError, InternalFailure
from kumoniwa.kernel.operation import load
from kumoniwa.kernel.principal import Principal
from kumoniwa.store.rows import Table
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.gate.route import Route
    from kumoniwa.kernel.call import Call

# By time and not by their random ids, so that every commit writes at the end of the table and not all over it.
TRAIL = Table(
    "trail",
    """create table if not exists trail (at real, id text, service text, name text, who text, event blob, primary key (at, id)) without rowid""",
)

DATA = Table(
    "trail_data",
    """create table if not exists trail_data (at real, id text, event blob, primary key (at, id)) without rowid""",
)
CLOUDTRAIL = "cloudtrail"
CHANGED = "changed"
"""The fact ``(CHANGED, operation, account, service)`` on the region's bus: a call that is no mere reading was done here. Of users and roles,
which ``aws-global`` keeps, a region is told the same when its replica changes."""

VIA = "AWS API Call via CloudTrail"
"""The fact ``(CLOUDTRAIL, VIA, account, event)`` on the region's bus: a trail that logs keeps this event.
https://docs.aws.amazon.com/eventbridge/latest/userguide/eb-service-event-cloudtrail.html"""
SEEN = "seen"
"""The fact ``(CLOUDTRAIL, SEEN, account, event)`` on the region's bus: a call of an account that somebody watches (``Trail.watch``), told in the
commit of the call, whether or not a trail keeps it."""
HAPPENED = (CLOUDTRAIL, "happened")
"""Woken in ``aws-global`` when a trail keeps an event of there."""

HIDDEN = "HIDDEN_DUE_TO_SECURITY_REASONS"
EVENT_BYTES_MAX = 100_000
_EVENTS = "events.amazonaws.com"
KEPT_S = 90 * 86_400
CALLERS_MAX = 1_024


class Trail:
    def __init__(self, home) -> None:
        self.home = home
        self.trails: tuple[trails.Trail, ...] = ()
        """Those that record here."""
        self.asks_for_data = False
        self.watched: dict[str, bool] = {}
        """Accounts whose calls somebody watches here, and whether he wants to see those of data of S3, too."""
        self.callers: dict[int, tuple[Principal, dict[str, Any]]] = {}
        """Principals, by the address of the object that is kept beside it, as events tell of them."""
        self.forget()

    def forget(self) -> None:
        """Trails were made or changed."""
        held = self.home.store.shelf(SHARED, trails.Trail).values()
        self.trails = tuple(trail for trail in held if trail.is_logging and (trail.covers(self.home.name) or self.home.name == GLOBAL))
        self.asks_for_data = any(map(trails.asks_for_data, self.trails)) or any(self.watched.values())

    def watch(self, account: str, *, has_data: bool | None) -> None:
        """Tell ``SEEN`` of an account's calls from now on, or no more (None)."""
        if has_data is None:
            self.watched.pop(account, None)
        else:
            self.watched[account] = has_data
        self.forget()

    def told(self, call: Call, route: Route, params: dict[str, Any], reply: dict | None, error: BaseException | None) -> None:
        """Record what is to be recorded. What a service asks of itself, in another region, nobody called."""
        if call.principal.arn == route.source:
            return
        if route.is_recorded:
            if error is None and not route.is_read_only:
                self.home.tell((CHANGED, route.name, call.account, route.service.name))
            self.record(call, route, params, reply, error)
        elif self.asks_for_data:
            resources, is_kept = self._selected(call, route, params)
            if resources:
                self.record(call, route, params, reply, error, resources, is_kept=is_kept)

    def _selected(self, call: Call, route: Route, params: dict[str, Any]) -> tuple[tuple[str, ...], bool]:
        """The resources of an event of data that a trail of the account wants, or who watches it; and whether a trail does."""
        kind = trails.DATA_TYPES.get(route.service.name)
        if kind is None or route.service.resource_of is None:
            return (), False
        touched = route.service.resource_of(call, route.name, params)
        arns = (touched,) if isinstance(touched, str) else tuple(need[1] if isinstance(need, tuple) else need for need in touched)
        event = trails.Event("Data", route.source, route.event_name, route.is_read_only, kind, arns)
        is_kept = any(trails.is_of(self.home, trail, call.account) and trails.wants(trail, event) for trail in self.trails)
        return arns if is_kept or (kind == "AWS::S3::Object" and self.watched.get(call.account)) else (), is_kept

    def _caller(self, principal: Principal) -> dict[str, Any]:
        held = self.callers.get(id(principal))
        if held is None or held[0] is not principal:
            if len(self.callers) >= CALLERS_MAX:
                self.callers.clear()
            held = self.callers[id(principal)] = (principal, _user_identity(principal))
        return held[1]

    def record(
        self, call: Call, route: Route, params: dict[str, Any], reply: dict | None, error: BaseException | None, data: tuple[str, ...] = (), *,
        is_kept: bool = True,
    ) -> None:  # fmt: skip
        """Write one event; it is committed with the call's own tick. ``data`` are the resources of an event of data, which is not written
        down where nobody keeps it."""
        now = call.now()
        confided_of = route.service.confided_of
        confided = call.confided + confided_of(route.name, params) if confided_of is not None else call.confided
        if route.service.told_of is not None:
            asked, answered = route.service.told_of(call, route.name, params, reply)
        else:
            asked, answered = _shown(params, route.model.input), _shown(reply or {}, route.model.output) or None
        event: dict[str, Any] = {
            "eventVersion": "1.11",
            "userIdentity": self._caller(call.principal),
            "eventTime": timestamps.to_second(now),
            "eventSource": route.source,
            "eventName": route.event_name,
            "awsRegion": "us-east-1" if call.region == GLOBAL else call.region,
            "sourceIPAddress": _source(call),
            "userAgent": call.request.headers.get("user-agent", "") if call.request else "kumoniwa.internal",
            "requestParameters": _without(confided, asked),
            "responseElements": None if route.is_read_only or error else _without(confided, answered),
            "requestID": call.request_id,
            "eventID": call.new_id(),
            "readOnly": route.is_read_only,
            "eventType": "AwsApiCall",
            "managementEvent": not data,
            "recipientAccountId": call.account or call.principal.account,
            "eventCategory": "Data" if data else "Management",
        }
        if call.request is not None and call.request.way is not None and call.request.way.endpoint:
            # https://docs.aws.amazon.com/awscloudtrail/latest/userguide/cloudtrail-event-reference-record-contents.html
            event |= {"vpcEndpointId": call.request.way.endpoint, "vpcEndpointAccountId": call.request.network.account}
        if data:
            kind = trails.DATA_TYPES[route.service.name]
            event["resources"] = [{"accountId": call.account, "type": kind, "ARN": arn} for arn in data]
        if error is not None:
            known = error if isinstance(error, AwsError) else InternalFailure()
            # CloudTrail calls every service's refusal by one name.
            event["errorCode"] = "AccessDenied" if known.code == "AccessDeniedException" else known.code
            event["errorMessage"] = without_secrets(known.text, params, route.model.input)
        if self.watched and event["recipientAccountId"] in self.watched:
            self.home.tell((CLOUDTRAIL, SEEN, event["recipientAccountId"], event))
        if is_kept:
            self._keep(call, route, event, now, is_data=bool(data))

    def _keep(self, call: Call, route: Route, event: dict[str, Any], now: float, *, is_data: bool) -> None:
        body = _packed(event)
        if len(body) > EVENT_BYTES_MAX:
            event["requestParameters"] = event["responseElements"] = None
            event["requestParametersOmitted"] = event["responseElementsOmitted"] = True
            body = _packed(event)
        rows = self.home.store.rows(call.account or call.principal.account or self.home.settings.account)
        table = DATA if is_data else TRAIL
        if table.name not in rows.tables:
            rows.use(table)
        if is_data:
            rows.append("insert into trail_data values (?,?,?)", now, event["eventID"], body)
        else:
            rows.append("insert into trail values (?,?,?,?,?,?)", now, event["eventID"], route.service.name, route.name, call.principal.arn, body)
        if self.trails:
            self.home.service_used(load(CLOUDTRAIL))
            if self.home.name == GLOBAL:
                self.home.wake(HAPPENED)
            elif call.principal.arn != _EVENTS:
                self.tell(now, event["recipientAccountId"], body)

    def tell(self, at: float, account: str, body: bytes, *, is_global: bool = False) -> None:
        """Tell the region of an event that a trail keeps. What EventBridge asks in its own name to deliver one is none: it would not end."""
        event = json.loads(body)
        named = event.get("resources") or [{}]
        seen = trails.Event(
            event["eventCategory"], event["eventSource"], event["eventName"], event["readOnly"], named[0].get("type", ""),
            tuple(each["ARN"] for each in named if each),
        )  # fmt: skip
        for trail in self.trails:
            is_meant = trail.started <= at and (trail.has_global_events or not is_global)
            if is_meant and trails.is_of(self.home, trail, account) and trails.wants(trail, seen):
                self.home.tell((CLOUDTRAIL, VIA, account, event))
                return


def _user_identity(principal: Principal) -> dict[str, Any]:
    kinds = {"root": "Root", "user": "IAMUser", "role": "AssumedRole", "federated": "FederatedUser", "service": "AWSService"}
    if principal.kind == "service":
        return {"type": "AWSService", "invokedBy": principal.arn}
    who: dict[str, Any] = {
        "type": kinds.get(principal.kind, "Unknown"),
        "principalId": principal.user_id,
        "arn": principal.arn,
        "accountId": principal.account,
        "accessKeyId": principal.key_id,
    }
    if principal.via:
        who["invokedBy"] = principal.via[-1]
    if principal.kind == "user":
        who["userName"] = principal.arn.rpartition("/")[2]
    if principal.kind == "role":
        name = principal.source_arn.rpartition("/")[2]
        who["sessionContext"] = {
            "sessionIssuer": {"type": "Role", "arn": principal.source_arn, "accountId": principal.account, "userName": name},
            "attributes": {"mfaAuthenticated": principal.context.get("aws:MultiFactorAuthPresent", "false")},
        }
    if principal.is_assumed_root:
        # https://docs.aws.amazon.com/IAM/latest/UserGuide/cloudtrail-track-privileged-tasks.html
        attributes = {"creationDate": principal.context["aws:TokenIssueTime"], "mfaAuthenticated": "false"}
        who["sessionContext"] = {"sessionIssuer": {}, "webIdFederationData": {}, "attributes": attributes, "assumedRoot": "true"}
    return who


def _source(call: Call) -> str:
    if call.request:
        way = call.request.way
        return "127.0.0.1" if way is None else way.source
    principal = call.principal
    asker = principal.arn if principal.kind == "service" else next(reversed(principal.via), principal.held_by)
    return asker or "AWS Internal"


def _shown(value: Any, shape: Any) -> Any:
    """A request or reply as CloudTrail shows it: names begin in lower case, secrets are hidden."""
    if shape is None or value is None:
        return value
    if shape.is_sensitive:
        return HIDDEN
    if shape.type == "structure" and isinstance(value, dict):
        members = shape.members
        return {
            name[:1].lower() + name[1:]: _shown(part, members[name].shape) if name in members else part for name, part in value.items()
        }
    if shape.type == "list" and isinstance(value, (list, tuple)):
        return [_shown(part, shape.element.shape) for part in value]
    if shape.type == "map" and isinstance(value, dict):
        return {name: _shown(part, shape.value.shape) for name, part in value.items()}
    if shape.type == "timestamp" and isinstance(value, (int, float)):
        return timestamps.to_second(value)
    return value


def _without(confided: tuple[str, ...], shown: Any) -> Any:
    """A request, or its answer, without what was said in confidence."""
    if not confided:
        return shown
    if isinstance(shown, dict):
        return {name: _without(confided, part) for name, part in shown.items()}
    if isinstance(shown, list):
        return [_without(confided, part) for part in shown]
    return HIDDEN if shown in confided else shown


SECRET_CHARACTERS_MIN = 4
"""What is shorter cannot be told from a word."""


def without_secrets(text: str, params: dict[str, Any], shape: Any) -> str:
    """A refusal as others than the caller may read it: without the values that the model calls sensitive."""
    for secret in _secrets_in(params, shape, is_sensitive=False):
        if len(secret) >= SECRET_CHARACTERS_MIN:
            text = text.replace(secret, HIDDEN)
    return text


def _secrets_in(value: Any, shape: Any, *, is_sensitive: bool) -> Iterator[str]:
    is_sensitive = is_sensitive or (shape is not None and shape.is_sensitive)
    if isinstance(value, str):
        if is_sensitive:
            yield value
    elif isinstance(value, dict):
        members = shape.members if shape is not None and shape.type == "structure" else {}
        for name, part in value.items():
            inner = members[name].shape if name in members else shape.value.shape if shape is not None and shape.type == "map" else None
            yield from _secrets_in(part, inner, is_sensitive=is_sensitive)
    elif isinstance(value, (list, tuple)):
        inner = shape.element.shape if shape is not None and shape.type == "list" else None
        for part in value:
            yield from _secrets_in(part, inner, is_sensitive=is_sensitive)


def _packed(event: dict[str, Any]) -> bytes:
    try:
        return orjson.dumps(event, default=_plain)
    except TypeError:
        # What a client sent need be no number of 64 bits and no Unicode text.
        return json.dumps(event, default=_plain).encode()


def _plain(value: Any) -> Any:
    if isinstance(value, (bytes, bytearray)):
        return base64.b64encode(value).decode() if len(value) < 1024 else f"({len(value)} bytes)"
    return str(value)
