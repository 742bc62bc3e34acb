"""Long-lived access keys: IAM keeps whose they are, the gate's ``Credential`` keeps the secret."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate.identity import ACCESS_KEY, SHARED, Credential, new_key_id
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.iam.entity import now_s
from kumoniwa.services.iam.errors import LimitExceeded, NoSuchEntity

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

KEYS_MAX = 2


class AccessKey(Record):
    """Shelved by its id."""

    id: str
    user: str
    """Empty for a key of the root user."""
    created: float
    status: str = "Active"


def of(call: Call, user_name: str) -> list[AccessKey]:
    return [key for key in call.shelf(AccessKey).values() if key.user == user_name]


def found(call: Call, user_name: str, key_id: str) -> AccessKey:
    key = call.shelf(AccessKey).get(key_id)
    if key is None or key.user != user_name:
        raise NoSuchEntity(f"The Access Key with id {key_id} cannot be found.")
    return key


def made(call: Call, user_name: str, arn: str, user_id: str) -> dict[str, Any]:
    """A new key, with its secret."""
    if len(of(call, user_name)) >= KEYS_MAX:
        raise LimitExceeded(f"Cannot exceed quota for AccessKeysPerUser: {KEYS_MAX}")
    key = AccessKey(id=new_key_id(call.ids, ACCESS_KEY, call.account), user=user_name, created=now_s(call))
    secret = call.ids.secret()
    call.shelf(AccessKey)[key.id] = key
    call.home.store.shelf(SHARED, Credential)[key.id] = Credential(
        key_id=key.id, secret=secret, account=call.account, arn=arn, user_id=user_id
    )
    return {**shown(key), "SecretAccessKey": secret}


def shown(key: AccessKey) -> dict[str, Any]:
    name = {"UserName": key.user} if key.user else {}
    return {**name, "AccessKeyId": key.id, "Status": key.status, "CreateDate": key.created}


def move(call: Call, old_name: str, new_name: str, arn: str) -> None:
    """Let the keys of a user who got another name or path follow."""
    credentials = call.home.store.shelf(SHARED, Credential)
    for key in of(call, old_name):
        call.shelf(AccessKey)[key.id] = changed(key, user=new_name)
        credentials[key.id] = changed(credentials[key.id], arn=arn)
