"""Policies, and what they are attached to."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.languages import policy_inheritance
from kumoniwa.languages.policy import MalformedPolicyDocument, parse
from kumoniwa.services.organizations import tag
from kumoniwa.services.organizations.errors import (
    ConstraintViolationException,
    DuplicatePolicyAttachmentException,
    DuplicatePolicyException,
    InvalidInputException,
    MalformedPolicyDocumentException,
    PolicyInUseException,
    PolicyNotAttachedException,
    PolicyNotFoundException,
    PolicyTypeNotAvailableForOrganizationException,
    PolicyTypeNotEnabledException,
    TargetNotFoundException,
)
from kumoniwa.services.organizations.membership import FULL, attached, hang, places, policies, publish
from kumoniwa.services.organizations.organization import checked_type
from kumoniwa.services.organizations.record import (
    ALL,
    RCP,
    SCP,
    TAGS,
    Account,
    Organization,
    Policy,
    Unit,
    managed,
    place_arn,
    policy_arn,
)

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

CHARACTERS_MAX = {SCP: 5_120, RCP: 5_120, TAGS: 10_000}
POLICIES_MAX = {SCP: 10_000, RCP: 1_000, TAGS: 1_000}
ATTACHED_MAX = {SCP: 5, RCP: 5, TAGS: 10}
"""https://docs.aws.amazon.com/organizations/latest/userguide/orgs_reference_limits.html"""


def _summary(call: Call, held: Organization, policy: Policy) -> dict[str, Any]:
    return {
        "Id": policy.id,
        "Arn": policy_arn(call.home, held, policy),
        "Name": policy.name,
        "Description": policy.description,
        "Type": policy.type,
        "AwsManaged": policy.is_of_aws,
    }


def _shown(call: Call, held: Organization, policy: Policy) -> dict[str, Any]:
    return {"PolicySummary": _summary(call, held, policy), "Content": policy.content}


UNKNOWN = "You specified a policy that doesn't exist."
"""What whoever only looks is told."""


def found(call: Call, id_: str, unknown: str | None = None) -> Policy:
    policy = policies(call).get(id_)
    if policy is None:
        raise PolicyNotFoundException(unknown)
    return policy


def _own(call: Call, id_: str) -> Policy:
    policy = found(call, id_)
    if policy.is_of_aws:
        text = "You specified a policy that is managed by AWS and can't be modified."
        raise InvalidInputException(text, Reason="IMMUTABLE_POLICY")
    return policy


# What a document may say -----------------------------------------------------------------------------


def _checked(kind: str, content: str) -> str:
    if len(content) > CHARACTERS_MAX[kind]:
        text = f"You have exceeded the maximum policy size of {CHARACTERS_MAX[kind]} characters."
        raise ConstraintViolationException(text, Reason="POLICY_CONTENT_LIMIT_EXCEEDED")
    try:
        _CHECKS[kind](content)
    except (MalformedPolicyDocument, policy_inheritance.Malformed) as error:
        raise MalformedPolicyDocumentException(hint=error.text) from None
    return content


def _check_service_control(content: str) -> None:
    """The whole language of identity policies: https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps_syntax.html"""
    parse(content, "scp")


def _check_resource_control(content: str) -> None:
    """A customer's denies only, whoever asks, and no service but those that have such policies.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps_syntax.html"""
    for statement in parse(content, "resource").statements:
        source = statement.source
        actions = source.get("Action", [])
        listed = [actions] if isinstance(actions, str) else actions
        if source["Effect"] != "Deny" or source.get("Principal") != "*":
            raise MalformedPolicyDocument('A resource control policy denies, and its Principal is "*".')
        if not listed or "*" in listed or any(action.partition(":")[0] in ("", "*") for action in listed):
            raise MalformedPolicyDocument("A resource control policy names its actions, each with its service.")


def _check_tags(content: str) -> None:
    for key, rule in policy_inheritance.tags_of(content).items():
        if "enforced_for" in rule or "report_required_tag_for" in rule:
            raise NotImplementedHere(f"organizations' tag policies that are enforced ({key})")


_CHECKS = {SCP: _check_service_control, RCP: _check_resource_control, TAGS: _check_tags}


# The policies ----------------------------------------------------------------------------------------


def CreatePolicy(call: Call, *, Content: str, Description: str, Name: str, Type: str, Tags: list[dict] | None = None) -> dict:
    call, held = managed(call)
    checked_type(Type)
    if held.feature_set != ALL:
        raise PolicyTypeNotAvailableForOrganizationException
    content = _checked(Type, Content)
    _check_name(call, Type, Name)
    if sum(policy.type == Type for policy in call.shelf(Policy).values()) >= POLICIES_MAX[Type]:
        text = "You attempted to exceed the number of policies that you can have in an organization."
        raise ConstraintViolationException(text, Reason="POLICY_NUMBER_LIMIT_EXCEEDED")
    policy = Policy(
        id=f"p-{call.ids.lower(8)}", name=Name, description=Description, type=Type, content=content, tags=tag.merged({}, Tags),
        updated=call.now(),
    )  # fmt: skip
    call.shelf(Policy)[policy.id] = policy
    publish(call, held)
    return {"Policy": _shown(call, held, policy)}


def _check_name(call: Call, kind: str, name: str, but: str = "") -> None:
    if any(policy.type == kind and policy.name == name and policy.id != but for policy in policies(call).values()):
        raise DuplicatePolicyException


def DescribePolicy(call: Call, *, PolicyId: str) -> dict:
    call, held = managed(call)
    return {"Policy": _shown(call, held, found(call, PolicyId, UNKNOWN))}


def UpdatePolicy(
    call: Call, *, PolicyId: str, Name: str | None = None, Description: str | None = None, Content: str | None = None
) -> dict:
    call, held = managed(call)
    policy = _own(call, PolicyId)
    if Name is not None:
        _check_name(call, policy.type, Name, but=policy.id)
    policy = call.shelf(Policy)[policy.id] = changed(
        policy,
        name=policy.name if Name is None else Name,
        description=policy.description if Description is None else Description,
        content=policy.content if Content is None else _checked(policy.type, Content),
        updated=call.now(),
    )
    publish(call, held)
    return {"Policy": _shown(call, held, policy)}


def DeletePolicy(call: Call, *, PolicyId: str) -> None:
    call, held = managed(call)
    policy = _own(call, PolicyId)
    if any(policy.id in attached(call, place) for place in places(call, held)):
        raise PolicyInUseException
    del call.shelf(Policy)[policy.id]
    publish(call, held)


def ListPolicies(call: Call, *, Filter: str) -> dict:
    call, held = managed(call)
    kind = checked_type(Filter)
    return {"Policies": [_summary(call, held, policy) for policy in policies(call).values() if policy.type == kind]}


# Attachments -----------------------------------------------------------------------------------------


def _checked_place(call: Call, held: Organization, id_: str) -> str:
    if id_ != held.root and id_ not in call.shelf(Unit) and id_ not in call.shelf(Account):
        raise TargetNotFoundException
    return id_


def _of_type(call: Call, place: str, kind: str) -> list[str]:
    known = policies(call)
    return [id_ for id_ in attached(call, place) if known[id_].type == kind]


def AttachPolicy(call: Call, *, PolicyId: str, TargetId: str) -> None:
    call, held = managed(call)
    policy, place = found(call, PolicyId), _checked_place(call, held, TargetId)
    if policy.type not in held.types:
        raise PolicyTypeNotEnabledException
    held_already = attached(call, place)
    if policy.id in held_already:
        raise DuplicatePolicyAttachmentException
    if len(_of_type(call, place, policy.type)) >= ATTACHED_MAX[policy.type]:
        text = "You have attached the maximum number of policies of this type to the target."
        raise ConstraintViolationException(text, Reason="MAX_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    hang(call, place, (*held_already, policy.id))
    publish(call, held)


def DetachPolicy(call: Call, *, PolicyId: str, TargetId: str) -> None:
    call, held = managed(call)
    policy, place = found(call, PolicyId), _checked_place(call, held, TargetId)
    held_already = attached(call, place)
    if policy.id not in held_already:
        raise PolicyNotAttachedException
    if policy.id == FULL[RCP].id:
        text = "You can't detach this policy: it is managed by AWS and attached for as long as its type is enabled."
        raise InvalidInputException(text, Reason="NON_DETACHABLE_POLICY")
    if policy.type == SCP and len(_of_type(call, place, SCP)) == 1:
        text = "You can't remove the last policy of this type from the target: it must have one at least."
        raise ConstraintViolationException(text, Reason="MIN_POLICY_TYPE_ATTACHMENT_LIMIT_EXCEEDED")
    hang(call, place, tuple(id_ for id_ in held_already if id_ != policy.id))
    publish(call, held)


def ListPoliciesForTarget(call: Call, *, TargetId: str, Filter: str) -> dict:
    call, held = managed(call)
    place, known = _checked_place(call, held, TargetId), policies(call)
    listed = _of_type(call, place, checked_type(Filter))
    return {"Policies": [_summary(call, held, known[id_]) for id_ in listed]}


def ListTargetsForPolicy(call: Call, *, PolicyId: str) -> dict:
    call, held = managed(call)
    policy = found(call, PolicyId, UNKNOWN)
    return {"Targets": [_target(call, held, place) for place in places(call, held) if policy.id in attached(call, place)]}


def _target(call: Call, held: Organization, place: str) -> dict[str, Any]:
    kind, name = "ROOT", "Root"
    if place in call.shelf(Unit):
        kind, name = "ORGANIZATIONAL_UNIT", call.shelf(Unit)[place].name
    elif place in call.shelf(Account):
        kind, name = "ACCOUNT", call.shelf(Account)[place].name
    return {"TargetId": place, "Arn": place_arn(call.home, held, place), "Name": name, "Type": kind}


# What it comes to for an account -----------------------------------------------------------------------


def levels(call: Call, places_: list[str], kind: str) -> list[list[Policy]]:
    """The policies that hang at each place."""
    known = policies(call)
    return [[known[id_] for id_ in _of_type(call, place, kind)] for place in places_]
