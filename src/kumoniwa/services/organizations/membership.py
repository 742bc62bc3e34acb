"""What the gate of every region is told of an organization: who belongs to it, on what path, and under which policies.

Whatever changes the tree, a policy or an attachment publishes afterwards; only what differs is written, and so replicated.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import ControlPolicy, Member, RootAccess
from kumoniwa.services.organizations.record import (
    ALL,
    RCP,
    SCP,
    Account,
    Attached,
    Organization,
    Policy,
    Unit,
    policy_arn,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


def _full(id_: str, kind: str, what: str, **statement: str) -> Policy:
    document = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **statement, "Action": "*", "Resource": "*"}]}
    content = orjson.dumps(document, option=orjson.OPT_INDENT_2).decode()
    return Policy(id=id_, name=id_[2:], type=kind, description=f"Allows access to every {what}", content=content, is_of_aws=True)


FULL = {
    SCP: _full("p-FullAWSAccess", SCP, "operation"),
    RCP: _full("p-RCPFullAWSAccess", RCP, "resource", Principal="*"),
}
"""AWS's own policies, which stand at every place from the moment their type is enabled."""


def lineage(call: Call, organization: Organization, id_: str) -> list[str]:
    """The ids from the root down to a root, a unit or an account itself."""
    found = [id_]
    while found[-1] != organization.root:
        last = found[-1]
        held = call.shelf(Account).get(last) or call.shelf(Unit)[last]
        found.append(held.parent)
    return found[::-1]


def path_of(call: Call, organization: Organization, place: str) -> str:
    """``o-…/r-…/ou-…/`` down to a root or unit."""
    return "".join(f"{each}/" for each in (organization.id, *lineage(call, organization, place)))


def attached(call: Call, place: str) -> tuple[str, ...]:
    held = call.shelf(Attached).get(place)
    return held.policies if held is not None else ()


def places(call: Call, organization: Organization) -> list[str]:
    """Everything that policies can be attached to."""
    return [organization.root, *call.shelf(Unit), *call.shelf(Account)]


def furnish(call: Call, organization: Organization, place: str) -> None:
    """What a new unit or account begins with."""
    hang(call, place, tuple(FULL[kind].id for kind in organization.types if kind in FULL))


def hang(call: Call, place: str, ids: tuple[str, ...]) -> None:
    """Have these policies attached to a place, and no others."""
    call.shelf(Attached)[place] = Attached(policies=ids, since=call.now())


def policies(call: Call) -> dict[str, Policy]:
    """Every policy of an organization, AWS's among them, by id."""
    return {policy.id: policy for policy in FULL.values()} | dict(call.shelf(Policy).items())


def publish(call: Call, organization: Organization) -> None:
    """Tell the gate what holds now."""
    shelf, known = call.home.store.shelf(SHARED, Member), policies(call)
    wanted = {account.id: _member(call, organization, account, known) for account in call.shelf(Account).values()}
    for number, record in wanted.items():
        if shelf.get(number) != record:
            shelf[number] = record
    for number in [number for number, record in shelf.items() if record.organization == organization.id and number not in wanted]:
        del shelf[number]
    _publish_policies(call, organization, known)


def _member(call: Call, organization: Organization, account: Account, known: dict[str, Policy]) -> Member:
    places = lineage(call, organization, account.id)

    def levels(kind: str) -> tuple[tuple[str, ...], ...]:
        if kind not in organization.types or account.id == organization.management:
            return ()
        held = [[known[id_] for id_ in attached(call, place)] for place in places]
        return tuple(
            tuple(policy_arn(call.home, organization, policy) for policy in level if policy.type == kind) for level in held
        )

    return Member(
        account=account.id, organization=organization.id, management=organization.management,
        path=path_of(call, organization, account.parent), scps=levels(SCP), rcps=levels(RCP), is_suspended=account.state != "ACTIVE",
        administers=tuple(organization.trusted if account.id == organization.management else account.delegated),
        activated=organization.activated if account.id == organization.management else (),
        has_all_features=organization.feature_set == ALL, joined=account.joined,
    )  # fmt: skip


def _publish_policies(call: Call, organization: Organization, known: dict[str, Policy]) -> None:
    shelf = call.home.store.shelf(SHARED, ControlPolicy)
    wanted = {
        policy_arn(call.home, organization, policy): ControlPolicy(
            account="aws" if policy.is_of_aws else organization.management, document=policy.content
        )
        for policy in known.values()
        if policy.type in (SCP, RCP)
    }
    for arn, record in wanted.items():
        if shelf.get(arn) != record:
            shelf[arn] = record
    for arn in [arn for arn, record in shelf.items() if record.account == organization.management and arn not in wanted]:
        del shelf[arn]


def withdraw(call: Call, organization: Organization) -> None:
    """The organization is no more."""
    members, controls = call.home.store.shelf(SHARED, Member), call.home.store.shelf(SHARED, ControlPolicy)
    call.home.store.shelf(SHARED, RootAccess).pop(organization.id, None)
    for number in [number for number, record in members.items() if record.organization == organization.id]:
        del members[number]
    for arn in [arn for arn, record in controls.items() if record.account == organization.management]:
        del controls[arn]
