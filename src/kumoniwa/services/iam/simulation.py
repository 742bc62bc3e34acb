"""The policy simulator: the gate's own decisions, about policies and requests that are only supposed."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate import organization
from kumoniwa.gate.identity import SHARED, Identity
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.principal import Principal, root
from kumoniwa.languages.policy import MalformedPolicyDocument, Policy, parse
from kumoniwa.languages.policy_decision import Authority, Layer, keys_of
from kumoniwa.services.iam.entity import Entity, Group, Role, User, arn_of, found
from kumoniwa.services.iam.errors import InvalidInput, NoSuchEntity
from kumoniwa.services.iam.policy import default_document, policy_named

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call


def SimulateCustomPolicy(
    call: Call, *, PolicyInputList: list[str], ActionNames: list[str], ResourceArns: list[str] | None = None,
    PermissionsBoundaryPolicyInputList: list[str] | None = None, ResourcePolicy: str | None = None,
    ResourceOwner: str | None = None, CallerArn: str | None = None, ContextEntries: list[dict] | None = None,
) -> dict:  # fmt: skip
    if ResourcePolicy is not None and CallerArn is None:
        raise InvalidInput("CallerArn is required when a ResourcePolicy is given.")
    authority = Authority(
        _principal(call, CallerArn) if CallerArn else Principal(kind="user", account=call.account, arn=""),
        _read(PolicyInputList, "PolicyInputList"),
        boundary=_boundary(PermissionsBoundaryPolicyInputList),
    )
    return _simulated(
        call, authority, ActionNames, ResourceArns, ResourcePolicy, ResourceOwner, ContextEntries
    )


def SimulatePrincipalPolicy(
    call: Call, *, PolicySourceArn: str, ActionNames: list[str], PolicyInputList: list[str] | None = None,
    PermissionsBoundaryPolicyInputList: list[str] | None = None, ResourceArns: list[str] | None = None,
    ResourcePolicy: str | None = None, ResourceOwner: str | None = None, CallerArn: str | None = None,
    ContextEntries: list[dict] | None = None,
) -> dict:  # fmt: skip
    holder = _holder(call, PolicySourceArn)
    policies = list(_policies(call, holder))
    if isinstance(holder, User):
        for name in holder.groups:
            policies += _policies(call, found(call, Group, name))
    boundary = _boundary(PermissionsBoundaryPolicyInputList)
    own_boundary = "" if isinstance(holder, Group) else holder.boundary
    if boundary is None and own_boundary:
        boundary = parse(
            default_document(policy_named(call, own_boundary)),
            "identity",
            name=own_boundary.rpartition("/")[2],
        )
    if CallerArn is None and ResourcePolicy is not None and not isinstance(holder, User):
        raise InvalidInput(
            "CallerArn is required when a ResourcePolicy is given and PolicySourceArn is not a user."
        )
    caller = CallerArn or PolicySourceArn
    principal = (
        Principal(kind="user", account=call.account, arn=caller)
        if isinstance(holder, Group)
        else _principal(call, caller)
    )
    given = _read(PolicyInputList or [], "PolicyInputList")
    scps = call.home.gate.authorizer.scps(principal)
    authority = Authority(principal, (*policies, *given), boundary=boundary, scps=scps)
    return _simulated(
        call, authority, ActionNames, ResourceArns, ResourcePolicy, ResourceOwner, ContextEntries
    )


def GetContextKeysForCustomPolicy(call: Call, *, PolicyInputList: list[str]) -> dict:
    return _keys_named(PolicyInputList)


def GetContextKeysForPrincipalPolicy(
    call: Call, *, PolicySourceArn: str, PolicyInputList: list[str] | None = None
) -> dict:
    holder = _holder(call, PolicySourceArn)
    documents = _documents(call, holder)
    if isinstance(holder, User):
        for name in holder.groups:
            documents += _documents(call, found(call, Group, name))
    return _keys_named([*(text for _, text in documents), *(PolicyInputList or ())])


def _keys_named(documents: list[str]) -> dict:
    """The context keys that policies ask about, in conditions and in variables."""
    read = [statement.keys for text in documents for statement in parse(text, "identity").statements]
    return {"ContextKeyNames": sorted(frozenset().union(*read))}


# Whose policies ------------------------------------------------------------------------------------


def _holder(call: Call, arn: str) -> User | Group | Role:
    parsed = arns.parse(arn)
    for kind in (User, Group, Role):
        if (
            parsed is not None
            and parsed.service == "iam"
            and parsed.resource.startswith(f"{kind.__name__.lower()}/")
        ):
            holder = found(call, kind, arn.rpartition("/")[2])
            if arn_of(call, holder) == arn:
                return holder
            raise NoSuchEntity(f"The {kind.__name__.lower()} with name {holder.name} cannot be found.")
    raise InvalidInput(f"Invalid Entity Arn: {arn} does not clearly define entity type and name.")


def _principal(call: Call, arn: str) -> Principal:
    """Whoever an ARN names, as far as policies can tell."""
    parsed = arns.parse(arn)
    if parsed is None or not parsed.account:
        raise InvalidInput(f"Invalid CallerArn: {arn}.")
    held = call.home.store.shelf(SHARED, Identity).get(arn)
    if parsed.resource == "root":
        return root(parsed.account)
    kind = "role" if parsed.resource.startswith(("role/", "assumed-role/")) else "user"
    return Principal(
        kind=kind,
        account=parsed.account,
        arn=arn,
        source_arn=arn,
        user_id=held.id if held else "",
        tags=held.tags if held else {},
    )


def _documents(call: Call, holder: Entity) -> list[tuple[str, str]]:
    named = list(holder.inline.items())
    return named + [
        (arn.rpartition("/")[2], default_document(policy_named(call, arn))) for arn in holder.attached
    ]


def _policies(call: Call, holder: Entity) -> list[Policy]:
    return [parse(document, "identity", name=name) for name, document in _documents(call, holder)]


def _read(documents: list[str], where: str) -> tuple[Policy, ...]:
    return tuple(parse(document, "identity", name=f"{where}.{n}") for n, document in enumerate(documents, 1))


def _boundary(documents: list[str] | None) -> Policy | None:
    if not documents:
        return None
    if len(documents) > 1:
        raise ValidationError("PermissionsBoundaryPolicyInputList can hold one policy only.")
    return _read(documents, "PermissionsBoundaryPolicyInputList")[0]


# The answer ----------------------------------------------------------------------------------------


def _simulated(
    call: Call, authority: Authority, actions: list[str], resources: list[str] | None, resource_policy: str | None,
    owner: str | None, entries: list[dict] | None,
) -> dict:  # fmt: skip
    try:
        policy = parse(resource_policy, "resource", name="ResourcePolicy") if resource_policy else None
    except MalformedPolicyDocument as error:
        raise InvalidInput(error.text) from None
    who = authority.principal
    of_organization = organization.keys_of(organization.member(call.home, who.account), "principal")
    context = (keys_of(who) | of_organization if who.arn else {}) | _context(entries)
    results = []
    for action in actions:
        if ":" not in action:
            raise InvalidInput(f"Invalid action name: {action}.")
        for resource in resources or ["*"]:
            results.append(_result(authority, action, resource, dict(context), policy, owner))
    return {"EvaluationResults": results}


def _context(entries: list[dict] | None) -> dict[str, Any]:
    context: dict[str, Any] = {}
    for entry in entries or ():
        values = entry.get("ContextKeyValues", [])
        is_list = entry.get("ContextKeyType", "").endswith("List")
        context[entry.get("ContextKeyName", "").lower()] = (
            values if is_list or len(values) != 1 else values[0]
        )
    return context


def _result(
    authority: Authority,
    action: str,
    resource: str,
    context: dict[str, Any],
    policy: Policy | None,
    owner: str | None,
) -> dict[str, Any]:
    owner_account = owner.split(":")[4] if owner and owner.count(":") >= 5 else owner
    decision = authority.decide(
        action, resource, context, resource_policy=policy, resource_account=owner_account
    )
    denied = "explicitDeny" if decision.is_explicit else "implicitDeny"
    verdict = "allowed" if decision.is_allowed else denied
    matched = authority.matched(action, resource, context, resource_policy=policy)
    missing = sorted(authority.missing_keys(action, context, resource_policy=policy))
    result: dict[str, Any] = {
        "EvalActionName": action,
        "EvalResourceName": resource,
        "EvalDecision": verdict,
        "MatchedStatements": [
            {"SourcePolicyId": statement.id.rpartition("#")[0], "SourcePolicyType": "IAM Policy"}
            for statement in matched
        ],
        "MissingContextValues": missing,
    }
    boundary = next((layer for layer in authority.limits if layer.name == "permissions boundary"), None)
    if boundary is not None:
        may = _allows(boundary, action, resource, context)
        result["PermissionsBoundaryDecisionDetail"] = {"AllowedByPermissionsBoundary": may}
    if authority.guardrails:
        may = all(_allows(level, action, resource, context) for level in authority.guardrails)
        result["OrganizationsDecisionDetail"] = {"AllowedByOrganizations": may}
    return result


def _allows(layer: Layer, action: str, resource: str, context: dict[str, Any]) -> bool:
    plan = layer.plan(action.lower())
    allows, denies = (
        any(statement.applies(resource, context) for statement in statements) for statements in (plan.allows, plan.denies)
    )
    return allows and not denies
