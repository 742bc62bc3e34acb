"""How secrets change by themselves: a function makes, sets, tests and finishes a new version, in four invocations.

A turn is a row of an outbox that names its next step, so that a region which was killed goes on where it was. A step that fails is
asked for again, as functions of rotation must bear; a turn that failed for good is begun again when the next window opens.
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_lambda-functions.html
https://docs.aws.amazon.com/secretsmanager/latest/userguide/rotate-secrets_schedule.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from kumoniwa.gate.outbox import Delivery, Outbox
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages import schedule_expression
from kumoniwa.services.secretsmanager import stage
from kumoniwa.services.secretsmanager.errors import (
    AccessDenied,
    InvalidParameterException,
    InvalidRequestException,
)
from kumoniwa.services.secretsmanager.secret import (
    DAY_S,
    WORK,
    Rotation,
    Secret,
    Version,
    arn_of,
    checked_token,
    day_of,
    keep_version,
    named,
    touched,
    version_of,
    writable,
)

SERVICE = "secretsmanager.amazonaws.com"
STEPS = ("createSecret", "setSecret", "testSecret", "finishSecret")
TRIES_MAX = 5
"""AWS says that it tries again, and not how often."""
AGAIN_S = 10.0
HOUR_S = 3_600.0
RATE_HOURS_MIN = 4
_HOURLY_CRON = re.compile(r"cron\(0 ")


# When ----------------------------------------------------------------------------------------------


def checked(rules: dict[str, Any]) -> dict[str, Any]:
    days, expression = rules.get("AutomaticallyAfterDays"), rules.get("ScheduleExpression")
    if days is not None and expression is not None:
        raise InvalidParameterException("You can't specify both AutomaticallyAfterDays and ScheduleExpression in RotationRules.")
    if expression is not None:
        _times(expression)
        if expression.startswith("cron(") and not _HOURLY_CRON.match(expression):
            raise InvalidParameterException(f"The schedule expression {expression} must begin at a full hour.")
    if days is None and expression is None and "Duration" in rules:
        raise InvalidParameterException("Duration needs AutomaticallyAfterDays or ScheduleExpression.")
    return {name: value for name, value in rules.items() if value is not None}


def _times(expression: str) -> schedule_expression.Schedule:
    try:
        times = schedule_expression.of_scheduler(expression)
    except schedule_expression.InvalidExpression:
        raise InvalidParameterException(f"The schedule expression {expression} is not valid.") from None
    if isinstance(times, schedule_expression.Rate) and times.every_s % DAY_S and not RATE_HOURS_MIN * HOUR_S <= times.every_s < DAY_S:
        raise InvalidParameterException(f"The schedule expression {expression} is not valid: a secret rotates every 4 hours at most.")
    return times


def window(rules: dict[str, Any], now: float) -> tuple[float, float] | tuple[None, None]:
    """When the next window opens and closes. Windows of days open at midnight; one without a duration closes with the day, or after
    an hour where there are several in a day."""
    expression = rules.get("ScheduleExpression") or (f"rate({rules['AutomaticallyAfterDays']} days)" if "AutomaticallyAfterDays" in rules else None)
    if expression is None:
        return None, None
    times = _times(expression)
    opens = times.after(now, anchored=day_of(now))
    if opens is None:
        return None, None
    duration = rules.get("Duration")
    if duration is not None:
        return opens, opens + int(duration.removesuffix("h")) * HOUR_S
    is_hourly = isinstance(times, schedule_expression.Rate) and times.every_s < DAY_S
    return opens, opens + HOUR_S if is_hourly else day_of(opens) + DAY_S - 1


# Operations ----------------------------------------------------------------------------------------


async def RotateSecret(
    call: Call, *, SecretId: str, ClientRequestToken: str | None = None, RotationLambdaARN: str | None = None,
    RotationRules: dict[str, Any] | None = None, RotateImmediately: bool | None = None,
) -> dict:  # fmt: skip
    token = checked_token(call, ClientRequestToken, InvalidParameterException)
    secret = writable(call, SecretId)
    rules = checked(RotationRules) if RotationRules is not None else secret.rotation.rules if secret.rotation is not None else {}
    function = RotationLambdaARN or (secret.rotation.function if secret.rotation is not None else "")
    if not function:
        raise InvalidRequestException("No Lambda rotation function ARN is associated with this secret.")
    if secret.owner:
        raise NotImplementedHere(f"rotation that {secret.owner} manages")
    await _check_callable(call, secret, function)
    call.atomically(lambda: _begin(call, secret.name, function, rules, token, is_probe=RotateImmediately is False))
    reply = named(call, secret)
    return reply if RotateImmediately is False else reply | {"VersionId": token}


async def _check_callable(call: Call, secret: Secret, function: str) -> None:
    """Whoever sets a function must be allowed to call it, and so must Secrets Manager."""
    call.require("lambda:InvokeFunction", function)
    try:
        await _acting(call, secret).ask("lambda:Invoke", FunctionName=function, InvocationType="DryRun")
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise AccessDenied(
            f"Secrets Manager cannot invoke the specified Lambda function. Ensure that the function policy grants access to the principal {SERVICE}.",
            hint=error.text,
        ) from None


def _acting(call: Call, secret: Secret) -> Call:
    return call.acting(SERVICE, **{"aws:SourceArn": arn_of(call, secret), "aws:SourceAccount": call.account})


def _begin(call: Call, name: str, function: str, rules: dict[str, Any], token: str, *, is_probe: bool) -> None:
    secret = writable(call, name)
    pending = stage.holder(secret.stages, stage.PENDING)
    if pending not in (None, token, stage.holder(secret.stages, stage.CURRENT)):
        raise InvalidRequestException("A previous rotation isn't complete. That rotation will be reattempted.")
    opens, closes = window(rules, call.now())
    turn = secret.rotation.turn if secret.rotation is not None else ""
    secret = touched(call, name, rotation=Rotation(function=function, rules=rules, opens=opens, closes=closes, turn=turn))
    if turn == token:
        return  # It is under way.
    if not is_probe and secret.stages.get(token) and version_of(call, secret, token) is not None and pending != token:
        return  # The token was used, and its version made.
    take_turn(call, secret, token, is_probe=is_probe)
    call.after_commit(lambda: call.home.wake(WORK))


def take_turn(call: Call, secret: Secret, token: str, *, is_probe: bool = False) -> None:
    """The version that is to be made is there before its function is called, with a label and without a value."""
    stages = stage.moved(secret.stages, token, (stage.PENDING,))
    if version_of(call, secret, token) is None:
        keep_version(call, secret, Version(id=token, created=call.now()))
    touched(call, secret.name, stages=stages, rotation=changed(secret.rotation, turn=token))
    _put(call, secret, token, "testSecret" if is_probe else STEPS[0], is_probe=is_probe)


def _put(call: Call, secret: Secret, token: str, step: str, *, is_probe: bool = False) -> None:
    promised = {"name": secret.name, "suffix": secret.suffix, "token": token, "step": step, "is_probe": is_probe}
    OUTBOX.put(call, orjson.dumps(promised))


def CancelRotateSecret(call: Call, *, SecretId: str) -> dict:
    """A turn that is under way is left where it is, its version unfinished."""
    secret = writable(call, SecretId)
    if secret.rotation is None:
        raise InvalidRequestException("You can't cancel rotation of a secret that was never set up to rotate.")
    turn = secret.rotation.turn
    touched(call, secret.name, rotation=changed(secret.rotation, is_enabled=False, opens=None, closes=None, turn=""))
    return named(call, secret) | ({"VersionId": turn} if turn else {})


# Turns ---------------------------------------------------------------------------------------------


async def _deliver(call: Call, delivery: Delivery) -> float | None:
    promised = orjson.loads(delivery.body)
    secret, token, step = _turning(call, promised), promised["token"], promised["step"]
    if secret is None:
        return None
    event = orjson.dumps({"SecretId": arn_of(call, secret), "ClientRequestToken": token, "Step": step})
    try:
        reply = await _acting(call, secret).ask("lambda:Invoke", FunctionName=secret.rotation.function, Payload=event)
        failure = reply.get("FunctionError")
    except AwsError as error:
        failure = error.code
    # While the function ran the secret may have changed: it did so itself, or its owner thought better of it.
    secret = _turning(call, promised)
    if secret is None:
        return None
    if failure is None and step == STEPS[-1] and stage.holder(secret.stages, stage.CURRENT) != token:
        failure = "AWSCURRENT was not moved"
    if promised["is_probe"]:
        call.atomically(lambda: _end_probe(call, secret, token))
        return None
    if failure is not None:
        return _again(call, secret, delivery, step, failure)
    call.atomically(lambda: _go_on(call, secret, token, step))
    return None


def _turning(call: Call, promised: dict[str, Any]) -> Secret | None:
    """The secret, if this turn is still its own."""
    secret = call.shelf(Secret).get(promised["name"])
    is_turning = secret is not None and secret.suffix == promised["suffix"] and not secret.deletes_at and secret.rotation is not None
    return secret if is_turning and secret.rotation.turn == promised["token"] else None


def _again(call: Call, secret: Secret, delivery: Delivery, step: str, failure: str) -> float | None:
    call.home.note("unrotated", secret=secret.name, step=step, failure=failure, attempt=delivery.attempts + 1)
    if delivery.attempts + 1 < TRIES_MAX:
        return AGAIN_S * 2**delivery.attempts
    call.atomically(lambda: touched(call, secret.name, rotation=changed(secret.rotation, turn="")))
    return None


def _go_on(call: Call, secret: Secret, token: str, step: str) -> None:
    if step != STEPS[-1]:
        _put(call, secret, token, STEPS[STEPS.index(step) + 1])
    else:
        touched(call, secret.name, rotated=call.now(), modified=call.now(), rotation=changed(secret.rotation, turn=""))


def _end_probe(call: Call, secret: Secret, token: str) -> None:
    """The version on which a function was tried goes again."""
    stages = {id_: labels for id_, labels in secret.stages.items() if id_ != token}
    call.shelf(Version).pop(f"{secret.suffix}/{token}", None)
    touched(call, secret.name, stages=stages, rotation=changed(secret.rotation, turn=""))


OUTBOX = Outbox("secretsmanager", _deliver, kind="rotation")


# Windows -------------------------------------------------------------------------------------------


def open_windows(call: Call) -> float | None:
    """Begin the turns of windows that have opened; answers when the next opens. A region that slept through one makes up for it."""
    upcoming = []
    for secret in list(call.shelf(Secret).values()):
        rotation = secret.rotation
        if rotation is None or not rotation.is_enabled or rotation.opens is None or secret.deletes_at:
            continue
        if rotation.opens <= call.now():
            rotation = call.atomically(lambda secret=secret: _open(call, secret))
        if rotation.opens is not None:
            upcoming.append(rotation.opens)
    return min(upcoming, default=None)


def _open(call: Call, secret: Secret) -> Rotation:
    """A version that was left unfinished is taken up again."""
    opens, closes = window(secret.rotation.rules, call.now())
    secret = touched(call, secret.name, rotation=changed(secret.rotation, opens=opens, closes=closes))
    if not secret.rotation.turn:
        pending = stage.holder(secret.stages, stage.PENDING)
        is_left = pending is not None and pending != stage.holder(secret.stages, stage.CURRENT)
        take_turn(call, secret, pending if is_left else call.new_id())
    return call.shelf(Secret)[secret.name].rotation
