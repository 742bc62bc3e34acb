"""Log groups whose events are encrypted under a key of KMS.

CloudWatch Logs itself uses the key: its policy must let ``logs.REGION.amazonaws.com``, for the encryption context ``aws:logs:arn``, and
who reads or writes needs no leave for it. What came in before the key, or under another, stays as it came.
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/encrypt-log-data-kms.html
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from kumoniwa.gate import key_chain
from kumoniwa.gate.key_chain import Chain, Link, Lock
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.logs.group import Group, InvalidParameterException, existing, identified

FORGOTTEN_S = 8 * 86_400.0
"""Results of queries, which are sealed as what they tell of, are kept for a week."""


def _chain(call: Call, group: str, key: str = "") -> Chain:
    arn = call.arn(f"log-group:{group}", "logs")
    return Chain(_named(group), key, {"aws:logs:arn": arn}, _in_words_of(arn))


def _named(group: str) -> str:
    return f"log-group {group}"


def _us(call: Call) -> Call:
    service = principals.service(f"logs.{call.region}.amazonaws.com", call.account)
    return Call(call.home, call.account, service, "logs", call.operation, call.request_id)


class _in_words_of:
    """AWS documents one refusal for keys that do not exist, are disabled or may not be used: API_AssociateKmsKey. Which it gives when a
    key is lost later it does not say; here it is the same."""

    def __init__(self, arn: str) -> None:
        self.arn = arn

    @contextmanager
    def __call__(self) -> Iterator[None]:
        try:
            yield
        except AwsError as error:
            if (error.status or 400) >= 500:
                raise
            text = f"The specified KMS key does not exist or is not allowed to be used with Arn '{self.arn}'"
            raise InvalidParameterException(text, hint=error.text) from None


def prove(call: Call, group: Group) -> None:
    """See that the group's key can be used."""
    if group.key:
        _chain(call, group.name, group.key).current(_us(call))


def sealed(call: Call, group: Group, body: bytes) -> tuple[str, bytes]:
    """The id of a data key, and a body under it."""
    return _chain(call, group.name, group.key).seal(_us(call), body)


def sealed_also(call: Call, group: Group, link: str, body: bytes) -> bytes:
    """Another body under the same data key."""
    return key_chain.sealed(_chain(call, group.name).secret(_us(call), link), link, body)


def opened(call: Call, group: str, link: str, body: bytes) -> bytes:
    return _chain(call, group).unseal(_us(call), link, body)


def lock(call: Call, of: str, key: str, arn: str) -> Lock:
    """How something else of ours is sealed under a key, for the encryption context of this ARN."""
    return Lock(Chain(of, key, {"aws:logs:arn": arn}, _in_words_of(arn)), _us(call))


def prove_lock(lock: Lock) -> None:
    """See that its key can be used."""
    lock.chain.current(lock.speaker)


async def secrets_of(call: Call, group: str) -> dict[str, bytes]:
    """Every data key that events of a group lie under, open. Raises what AWS answers if one is not to be had."""
    links = [link.id for link in call.shelf(Link).values() if link.of == _named(group)]
    return {link: await _chain(call, group).open(_us(call), link) for link in links}


def forget_old(call: Call) -> None:
    """Drop the data keys of groups that are gone, when nothing that tells of them is kept any more."""
    names = {_named(name) for name in call.shelf(Group)}
    for link in list(call.shelf(Link).values()):
        if link.of.startswith(_named("")) and link.of not in names and link.made < call.now() - FORGOTTEN_S:
            del call.shelf(Link)[link.id]


def keyed(call: Call, group: Group, key: str) -> Group:
    """The group with a key that it can be encrypted under, on its shelf."""
    if not key.startswith("arn:"):
        raise InvalidParameterException(f"The specified KMS key identifier '{key}' is not the ARN of a key.")
    group = changed(group, key=key, is_sealed=True)
    prove(call, group)
    call.shelf(Group)[group.name] = group
    return group


def AssociateKmsKey(call: Call, *, kmsKeyId: str, logGroupName: str | None = None, resourceIdentifier: str | None = None) -> None:
    keyed(call, _group(call, logGroupName, resourceIdentifier), kmsKeyId)


def DisassociateKmsKey(call: Call, *, logGroupName: str | None = None, resourceIdentifier: str | None = None) -> None:
    group = _group(call, logGroupName, resourceIdentifier)
    call.shelf(Group)[group.name] = changed(group, key="")


def _group(call: Call, name: str | None, identifier: str | None) -> Group:
    if (name is None) == (identifier is None):
        raise InvalidParameterException("Exactly one of [logGroupName, resourceIdentifier] must be provided.")
    if identifier is not None and ":query-result:" in identifier:
        raise NotImplementedHere("logs:AssociateKmsKey(resourceIdentifier) of query results")
    return existing(call, name) if name is not None else identified(call, identifier)
