"""Provisioned concurrency: environments of a version that are started before anybody asks.

What is wanted is a record; ``work`` compares it with what there is, after every change and when the region comes back.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.services.lambda_ import event, sandbox
from kumoniwa.services.lambda_.errors import (
    InvalidParameterValueException,
    LimitExceeded,
    ProvisionedConcurrencyConfigNotFoundException,
    ResourceConflictException,
    ResourceNotFoundException,
)
from kumoniwa.services.lambda_.function import (
    Alias,
    Function,
    Provisioned,
    Version,
    existing,
    not_found,
)
from kumoniwa.services.lambda_.name import LATEST, arn, function_named
from kumoniwa.wire import timestamps


def _version(call: Call, text: str, qualifier: str, refusal: str) -> tuple[str, str, str]:
    """The function, the qualifier and the version it stands for (recorded: test_provisioned_concurrency_exceptions)."""
    name, qualifier = function_named(call, text, qualifier)
    if qualifier == LATEST:
        raise InvalidParameterValueException(refusal)
    alias = call.shelf(Alias).get(f"{name}:{qualifier}")
    if alias is None and not qualifier.isdigit():
        raise ResourceNotFoundException(f"Cannot find alias arn: {arn(call, name, qualifier)}")
    version = alias.version if alias else qualifier
    if version == LATEST:
        raise InvalidParameterValueException(refusal)
    if f"{name}:{version}" not in call.shelf(Version):
        raise not_found(call, name, qualifier)
    return name, qualifier, version


_NEEDS_VERSION = "The function resource provided must be an alias or a published version."


def _conflict(call: Call, name: str, qualifier: str, version: str) -> None:
    held = call.shelf(Provisioned)
    if qualifier == version:
        pointing = [a.name for a in call.shelf(Alias).values() if a.function == name and a.version == version]
        if any(f"{name}:{alias}" in held for alias in pointing):
            raise ResourceConflictException("Version is pointed by a Provisioned Concurrency alias")
    elif f"{name}:{version}" in held:
        raise ResourceConflictException("Alias can't be used for Provisioned Concurrency configuration on an already Provisioned version")


def PutProvisionedConcurrencyConfig(
    call: Call, *, FunctionName: str, Qualifier: str, ProvisionedConcurrentExecutions: int
) -> dict:
    refusal = "Provisioned Concurrency Configs cannot be applied to unpublished function versions."
    name, qualifier, version = _version(call, FunctionName, Qualifier, refusal)
    if call.shelf(Version)[f"{name}:{version}"].snapshot:
        # That both do not go together is documented (snapstart.html); the words were found nowhere.
        raise InvalidParameterValueException("Provisioned Concurrency is not supported for SnapStart enabled functions.")
    _conflict(call, name, qualifier, version)
    key, shelf = f"{name}:{qualifier}", call.shelf(Provisioned)
    others = sum(held.requested for other, held in shelf.items() if held.function == name and other != key)
    reserved = existing(call, name).reserved
    if reserved is not None and others + ProvisionedConcurrentExecutions > reserved:
        raise InvalidParameterValueException(
            "Requested Provisioned Concurrency should not be greater than the reservedConcurrentExecution for function"
        )
    if reserved is None:
        left = sandbox.unreserved(call) - sum(
            held.requested for other, held in shelf.items() if other != key and call.shelf(Function)[held.function].reserved is None
        )
        if ProvisionedConcurrentExecutions > left:
            raise LimitExceeded(
                f"Specified ConcurrentExecutions for function is greater than account's unreserved concurrency [{left}]."
            )
        if left - ProvisionedConcurrentExecutions < sandbox.UNRESERVED_MIN:
            raise LimitExceeded(
                "Specified ConcurrentExecutions for function decreases account's UnreservedConcurrentExecution below its minimum "
                f"value of [{sandbox.UNRESERVED_MIN}]."
            )
    shelf[key] = Provisioned(
        function=name, qualifier=qualifier, requested=ProvisionedConcurrentExecutions, modified=call.now()
    )
    call.after_commit(lambda: call.home.wake(event.WAITING))
    return {
        "RequestedProvisionedConcurrentExecutions": ProvisionedConcurrentExecutions,
        "AvailableProvisionedConcurrentExecutions": 0,
        "AllocatedProvisionedConcurrentExecutions": 0,
        "Status": "IN_PROGRESS",
        "LastModified": timestamps.to_millisecond_with_offset(call.now()),
    }


def _shown(call: Call, held: Provisioned, version: str) -> dict[str, Any]:
    ready, running, reason = sandbox.of(call.home).provisioned_now((call.account, held.function, version), held.requested)
    reply = {
        "RequestedProvisionedConcurrentExecutions": held.requested,
        "AvailableProvisionedConcurrentExecutions": max(0, ready - running),
        "AllocatedProvisionedConcurrentExecutions": ready,
        "Status": "READY" if ready == held.requested else "FAILED" if reason else "IN_PROGRESS",
        "LastModified": timestamps.to_millisecond_with_offset(held.modified),
    }
    return reply | ({"StatusReason": reason} if reply["Status"] == "FAILED" else {})


def GetProvisionedConcurrencyConfig(call: Call, *, FunctionName: str, Qualifier: str) -> dict:
    name, qualifier, version = _version(call, FunctionName, Qualifier, _NEEDS_VERSION)
    held = call.shelf(Provisioned).get(f"{name}:{qualifier}")
    if held is None:
        raise ProvisionedConcurrencyConfigNotFoundException
    return _shown(call, held, version)


def DeleteProvisionedConcurrencyConfig(call: Call, *, FunctionName: str, Qualifier: str) -> None:
    name, qualifier, _ = _version(call, FunctionName, Qualifier, _NEEDS_VERSION)
    if f"{name}:{qualifier}" in call.shelf(Provisioned):
        del call.shelf(Provisioned)[f"{name}:{qualifier}"]
        call.after_commit(lambda: call.home.wake(event.WAITING))


def ListProvisionedConcurrencyConfigs(call: Call, *, FunctionName: str) -> dict:
    name, _ = function_named(call, FunctionName)
    existing(call, name)
    shown = []
    for held in sorted(call.shelf(Provisioned).values(), key=lambda p: p.qualifier):
        if held.function == name:
            version = _version(call, name, held.qualifier, _NEEDS_VERSION)[2]
            shown.append({"FunctionArn": arn(call, name, held.qualifier)} | _shown(call, held, version))
    return {"ProvisionedConcurrencyConfigs": shown}


def drop(call: Call, name: str, qualifier: str | None = None) -> None:
    """With the alias, the version or the function goes what was provisioned for it."""
    shelf = call.shelf(Provisioned)
    for key in [key for key, held in shelf.items() if held.function == name and qualifier in (None, held.qualifier)]:
        del shelf[key]


def reconcile(call: Call) -> None:
    """Start what is wanted and is not there, let go of what nobody wants any more."""
    wanted: dict[tuple[str, str, str], int] = {}
    for held in call.shelf(Provisioned).values():
        alias = call.shelf(Alias).get(f"{held.function}:{held.qualifier}")
        version = alias.version if alias else held.qualifier
        if f"{held.function}:{version}" in call.shelf(Version):
            wanted[call.account, held.function, version] = held.requested
    if not wanted and "lambda" not in call.home.engines:
        return
    boxes = sandbox.of(call.home)
    had = {key: count for key, count in boxes.provisioned.items() if key[0] == call.account}
    for key in wanted.keys() | had.keys():
        if wanted.get(key, 0) != had.get(key, 0):
            version = call.shelf(Version).get(f"{key[1]}:{key[2]}")
            boxes.provision(call, key, version, wanted.get(key, 0))
