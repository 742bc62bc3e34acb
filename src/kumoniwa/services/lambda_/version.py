"""Published versions: what ``$LATEST`` was, kept for good."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import sandbox
from kumoniwa.services.lambda_.errors import InvalidParameterValueException
from kumoniwa.services.lambda_.function import (
    SNAPSHOT_TAKING,
    Function,
    Version,
    changing,
    check_revision,
    check_settled,
    existing,
    latest,
    listed,
    new_revision,
    not_found,
    revise,
    shown,
    versions,
)
from kumoniwa.services.lambda_.name import function_named


def PublishVersion(
    call: Call, *, FunctionName: str, CodeSha256: str | None = None, Description: str | None = None, RevisionId: str | None = None
) -> dict:
    """Publishing what is already published answers the version there is."""
    name, _ = function_named(call, FunctionName)
    version = latest(call, name)
    check_revision(version.revision, RevisionId)
    if CodeSha256 and CodeSha256 != version.code.sha256:
        raise InvalidParameterValueException(
            f"CodeSHA256 ({CodeSha256}) is different from current CodeSHA256 in $LATEST ({version.code.sha256}). "
            "Please try again with the CodeSHA256 in $LATEST."
        )
    check_settled(call, version)
    return published(call, version, Description)


def published(call: Call, version: Version, description: str | None = None, *, is_changing: bool = False) -> dict:
    """``is_changing``: in the same call that made or changed what is published."""
    function = existing(call, version.function)
    newest = versions(call, version.function)[-1]
    if newest.version != version.version and newest.sandbox == version.sandbox:
        return shown(call, newest, newest.version)
    number = str(function.next_version)
    call.shelf(Function)[function.name] = changed(function, next_version=function.next_version + 1)
    # Environments are pooled by version, so the copy may keep the mark by which it is recognised as already published.
    new = changed(
        version, version=number, description=version.description if description is None else description, is_new=True, **new_revision(call),
        snapshot=SNAPSHOT_TAKING if version.snaps_start else "",
    )  # fmt: skip
    call.shelf(Version)[f"{function.name}:{number}"] = new
    if new.snapshot:
        call.after_commit(lambda: sandbox.of(call.home).snapshots.publish(call.account, new))
    # The latest is under another revision then (recorded: test_function_revisions_version_and_alias).
    revise(call, version)
    return changing(call, new, number, is_new=True) if is_changing else shown(call, new, number)


def ListVersionsByFunction(call: Call, *, FunctionName: str) -> dict:
    name, qualifier = function_named(call, FunctionName)
    if name not in call.shelf(Function):
        raise not_found(call, name, qualifier)
    return {"Versions": [listed(call, version, version.version) for version in versions(call, name)]}
