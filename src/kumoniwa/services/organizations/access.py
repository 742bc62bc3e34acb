"""What the gate asks of a call to Organizations: whose it is, what it touches, and what lets members in.

What is done to an organization is done in its management account. So a member that calls is a stranger there: the policy that
delegates must let it in, or its being a delegated administrator, who may read everything.
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_delegate_policies.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson

from kumoniwa.gate.organization import member
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.policy import statements_in
from kumoniwa.services.organizations import delegation, tag
from kumoniwa.services.organizations.errors import AccessDeniedException, InvalidInputException
from kumoniwa.services.organizations.membership import policies
from kumoniwa.services.organizations.record import (
    Account,
    Organization,
    Policy,
    ResourcePolicy,
    Unit,
    arn,
    place_arn,
    policy_arn,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

OF_EVERYBODY = frozenset({
    "CreateOrganization", "DescribeOrganization", "LeaveOrganization", "DescribeHandshake", "AcceptHandshake", "DeclineHandshake",
    "ListHandshakesForAccount",
})  # fmt: skip
"""What an account does for itself, whether or not it manages an organization."""


def owner_of(call: Call, operation: str, params: dict[str, Any]) -> str | None:
    if operation in OF_EVERYBODY:
        return None
    if operation == "DescribeEffectivePolicy" and params.get("TargetId", call.principal.account) == call.principal.account:
        return None
    found = member(call.home, call.principal.account)
    return found.management if found is not None else None


_PLACES = ("TargetId", "AccountId", "OrganizationalUnitId", "RootId", "ParentId", "ChildId")


def _organization(call: Call) -> Organization | None:
    return next(iter(call.shelf(Organization).values()), None) if call.account else None


def resource_of(call: Call, operation: str, params: dict[str, Any]) -> str | list[str]:
    held = _organization(call)
    if held is None or operation in OF_EVERYBODY:
        return "*"
    touched = []
    if isinstance(params.get("PolicyId"), str):
        policy = policies(call).get(params["PolicyId"])
        unknown = arn(call.home, held, f"policy/{held.id}/*/{params['PolicyId']}")
        touched.append(policy_arn(call.home, held, policy) if policy is not None else unknown)
    touched += [place_arn(call.home, held, params[name]) for name in _PLACES if isinstance(params.get(name), str)]
    if isinstance(params.get("ResourceId"), str):
        touched.append(_tagged(call, held, params["ResourceId"]))
    return touched or "*"


def _tagged(call: Call, held: Organization, id_: str) -> str:
    policy = policies(call).get(id_)
    if policy is not None:
        return policy_arn(call.home, held, policy)
    return arn(call.home, held, f"resourcepolicy/{held.id}/{id_}") if id_.startswith("rp-") else place_arn(call.home, held, id_)


def policy_of(call: Call, arn: str) -> str | None:
    asker = call.principal.account
    if asker == call.account or f"organizations:{call.operation}".lower() not in delegation.DELEGABLE:
        return None
    statements: list[dict[str, Any]] = []
    if (policy := delegation.standing(call)) is not None:
        statements += statements_in(orjson.loads(policy.content))
    account = call.shelf(Account).get(asker)
    if account is not None and account.delegated:
        reading = ["organizations:Describe*", "organizations:List*"]
        who = f"arn:{call.home.partition}:iam::{asker}:root"
        statements.append({"Effect": "Allow", "Principal": {"AWS": who}, "Action": reading, "Resource": "*"})
    return orjson.dumps({"Version": "2012-10-17", "Statement": statements}).decode() if statements else None


def denied(call: Call, operation: str, action: str, params: dict[str, Any]) -> None:
    """A member learns no more than that."""
    if call.account != call.principal.account and call.principal.kind != "anonymous":
        raise AccessDeniedException


def conditions_of(call: Call, operation: str, params: dict[str, Any]) -> dict[str, Any]:
    keys: dict[str, Any] = {}
    kind = params.get("PolicyType") or params.get("Type") or (params.get("Filter") if isinstance(params.get("Filter"), str) else None)
    held = _organization(call)
    if held is not None and isinstance(params.get("PolicyId"), str) and (policy := policies(call).get(params["PolicyId"])) is not None:
        kind = policy.type
    if isinstance(kind, str):
        keys["organizations:policytype"] = kind
    if isinstance(params.get("ServicePrincipal"), str):
        keys["organizations:serviceprincipal"] = params["ServicePrincipal"]
    return keys


def tags_of(call: Call, arn: str) -> dict[str, str]:
    held = _organization(call)
    return tag.of(call, held, arn.rpartition("/")[2]) if held is not None else {}


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    """Of the organization that the account manages."""
    held = next(iter(call.shelf(Organization).values()), None)
    if held is None:
        return []
    found = [(place_arn(call.home, held, held.root), held.root_tags)]
    found += [(place_arn(call.home, held, key), each.tags) for kind in (Unit, Account) for key, each in call.shelf(kind).items()]
    found += [(policy_arn(call.home, held, each), each.tags) for each in call.shelf(Policy).values()]
    return found + [(arn(call.home, held, f"resourcepolicy/{held.id}/{key}"), each.tags) for key, each in call.shelf(ResourcePolicy).items()]


_WORDS = (
    ("enum value set", "INVALID_ENUM", "You specified an invalid value."),
    ("regular expression", "INVALID_PATTERN", "You provided a value that does not match the required pattern."),
    ("less than or equal to", "MAX_LENGTH_EXCEEDED", "You provided a string parameter that is longer than allowed."),
    ("greater than or equal to", "MIN_LENGTH_EXCEEDED", "You provided a string parameter that is shorter than allowed."),
    ("must not be null", "INPUT_REQUIRED", "You must include a value for all required parameters."),
)
"""https://docs.aws.amazon.com/organizations/latest/APIReference/API_CreatePolicy.html#API_CreatePolicy_Errors"""


def refusal_of(operation: str, params: dict[str, Any], error: AwsError) -> AwsError:
    for said, reason, text in _WORDS:
        if said in error.text:
            return InvalidInputException(text, Reason=reason, hint=error.text)
    return error
