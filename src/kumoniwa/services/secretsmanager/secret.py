"""What a secret is: a name with versions, of which labels say which counts; and how it is found by the names it goes by.

https://docs.aws.amazon.com/secretsmanager/latest/userguide/whats-in-a-secret.html
"""

from __future__ import annotations

import re
import string
from typing import Any

from kumoniwa.gate import reserved_tags
from kumoniwa.gate.data_key import DataKey
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.secretsmanager.errors import (
    InvalidParameterException,
    InvalidRequestException,
    MarkedDeleted,
    OnReplica,
    ResourceNotFoundException,
    ValidationException,
)

DAY_S = 86_400.0
DEFAULT_KEY = "alias/aws/secretsmanager"
NAME_MAX = 512
SUFFIX_CHARACTERS, SUFFIX_LENGTH = string.ascii_letters + string.digits, 6
TAGS_MAX = 50
WORK = ("secretsmanager", "work")
_NAME = re.compile(r"[\w/+=.@!-]+", re.ASCII)
_SUFFIXED = re.compile(r"(?P<name>.+)-(?P<suffix>[A-Za-z0-9]{6})")


class Version(Record):
    """One value, shelved by ``suffix/id`` of its secret and itself. What it is called is the secret's to say."""

    id: str
    created: float
    data_key: DataKey | None = None
    """The key of this value alone; None until there is a value."""
    sealed: bytes = b""
    is_binary: bool = False
    is_default: bool = True
    """Its key is AWS's own."""


class Rotation(Record):
    function: str
    rules: dict[str, Any]
    is_enabled: bool = True
    opens: float | None = None
    """When the next window of rotation opens."""
    closes: float | None = None
    turn: str = ""
    """The version that is being made; the rest of its turn is in the outbox."""


class Replica(Record):
    key: str = ""
    state: str = "InProgress"
    reason: str = ""


class Secret(Record):
    """Shelved by its name."""

    name: str
    suffix: str
    created: float
    modified: float
    description: str | None = None
    key: str = ""
    """As its owner names it; empty for AWS's own."""
    tags: dict[str, str] | None = None
    """None until it first has some: AWS tells an empty list from none."""
    stages: dict[str, tuple[str, ...]] = {}
    """The labels of each version, by the order in which the versions came."""
    read: dict[str, float] = {}
    """The day on which each version was last read."""
    policy: str = ""
    deletes_at: float = 0.0
    rotation: Rotation | None = None
    rotated: float | None = None
    replicas: dict[str, Replica] = {}
    primary: str = ""
    """The region that leads, where it is another."""
    owner: str = ""
    """The AWS service that manages it."""


def arn_of(call: Call, secret: Secret) -> str:
    return call.arn(f"secret:{secret.name}-{secret.suffix}")


def check_name(name: str) -> None:
    if not _NAME.fullmatch(name) or len(name) > NAME_MAX:
        raise ValidationException("Invalid name. Must be a valid name containing alphanumeric characters, or any of the following: -/_+=.@!")


def known(call: Call, text: str) -> Secret | None:
    """The secret of a name or an ARN, of which the six characters at its end may be missing."""
    if not text.startswith("arn:"):
        return call.shelf(Secret).get(text)
    parsed = arns.parse(text)
    if parsed is None or parsed.service != "secretsmanager" or parsed.region != call.region or not parsed.resource.startswith("secret:"):
        return None
    resource = parsed.resource.removeprefix("secret:")
    whole = _SUFFIXED.fullmatch(resource)
    if whole is not None:
        # What ends like a suffix is taken for one: https://docs.aws.amazon.com/secretsmanager/latest/userguide/troubleshoot.html
        secret = call.shelf(Secret).get(whole["name"])
        return secret if secret is not None and secret.suffix == whole["suffix"] else None
    return call.shelf(Secret).get(resource)


def found(call: Call, text: str) -> Secret:
    """Also one that is to be deleted."""
    secret = known(call, text)
    if secret is None:
        if not text.startswith("arn:"):
            check_name(text)
        raise ResourceNotFoundException
    return secret


def usable(call: Call, text: str) -> Secret:
    secret = found(call, text)
    if secret.deletes_at:
        raise MarkedDeleted
    return secret


def writable(call: Call, text: str) -> Secret:
    """A replica is changed where its primary is, and what a service keeps by that service alone."""
    secret = usable(call, text)
    check_keeper(call, secret)
    if secret.primary:
        raise OnReplica
    return secret


def keeper_of(call: Call, name: str) -> str:
    """The service that makes a secret of this name for itself, such as ``events``; empty for everybody else.
    https://docs.aws.amazon.com/secretsmanager/latest/userguide/service-linked-secrets.html"""
    service = call.principal.via[0].partition(".")[0] if call.principal.via else ""
    return service if service and name.startswith(f"{service}!") else ""


def check_keeper(call: Call, secret: Secret) -> None:
    if secret.owner and keeper_of(call, secret.name) != secret.owner:
        raise InvalidRequestException(f"You can't perform this operation on secret {secret.name} because it is managed by {secret.owner}.")


def named(call: Call, secret: Secret) -> dict[str, Any]:
    return {"ARN": arn_of(call, secret), "Name": secret.name}


def touched(call: Call, name: str, **changes: Any) -> Secret:
    """The secret as it stands now, changed and kept."""
    secret = call.shelf(Secret)[name] = changed(call.shelf(Secret)[name], **changes)
    return secret


def day_of(now: float) -> float:
    return now - now % DAY_S


def reserved_tag(operation: str, key: str) -> AwsError:
    return InvalidParameterException("Tag keys that begin with aws: are reserved for AWS.")


def checked_tags(tags: list[dict[str, str]] | None) -> dict[str, str]:
    read = {tag.get("Key", ""): tag.get("Value", "") for tag in tags or ()}
    if len(read) != len(tags or ()):
        raise InvalidParameterException("Duplicate tag keys are not allowed.")
    if reserved_tags.counted(read) > TAGS_MAX:
        raise InvalidParameterException(f"A secret has {TAGS_MAX} tags at most.")
    return read


def checked_token(call: Call, token: str | None, refusal: type[AwsError] = InvalidRequestException) -> str:
    """What becomes the id of a version. SDKs make one, and so do services that ask as SDKs do; who writes requests by hand must.

    This is asked before there need be a secret (recorded: test_no_client_request_token).
    """
    if token is None and call.request is None:
        return call.new_id()
    if token is None:
        raise refusal("You must provide a ClientRequestToken value. We recommend a UUID-type value.")
    return token


# Versions ------------------------------------------------------------------------------------------


def version_of(call: Call, secret: Secret, id_: str) -> Version | None:
    return call.shelf(Version).get(f"{secret.suffix}/{id_}")


def keep_version(call: Call, secret: Secret, version: Version) -> None:
    call.shelf(Version)[f"{secret.suffix}/{version.id}"] = version


def drop(call: Call, secret: Secret) -> None:
    """The secret is gone, with everything it ever said."""
    for id_ in secret.stages:
        call.shelf(Version).pop(f"{secret.suffix}/{id_}", None)
    del call.shelf(Secret)[secret.name]
