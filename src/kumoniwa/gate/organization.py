"""Organizations, as every region must know them: which accounts belong to which, on what path, and under which control policies.

The service ``organizations`` writes these records in ``aws-global``; like identities they are replicated, so that regions go
on holding accounts to their policies while its control plane is down.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate.identity import SHARED
from kumoniwa.kernel.principal import Principal
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy_decision import Levels

SERVICE_LINKED = ":role/aws-service-role/"


class Member(Record):
    """An account that belongs to an organization; shelved by its number."""

    account: str
    organization: str
    management: str
    path: str
    """``o-…/r-…/ou-…/``, as aws:PrincipalOrgPaths has it."""
    scps: tuple[tuple[str, ...], ...] = ()
    """ARNs of the policies of each level, from the root down to the account; no levels where nothing binds the account."""
    rcps: tuple[tuple[str, ...], ...] = ()
    is_suspended: bool = False
    administers: tuple[str, ...] = ()
    """Services that it speaks for in the organization: those it is the delegated administrator of, and of the management account all that are trusted."""
    activated: tuple[str, ...] = ()
    """Of the management account: those of the trusted services that were let in by themselves (CloudFormation's ActivateOrganizationsAccess)."""
    has_all_features: bool = True
    joined: float = 0.0


IAM = "iam.amazonaws.com"
CREDENTIALS, SESSIONS = "RootCredentialsManagement", "RootSessions"


class RootAccess(Record):
    """What an organization has turned on of centralized root access; shelved by its id. IAM writes it, STS asks it in every region."""

    account: str
    """That manages the organization."""
    features: tuple[str, ...] = ()


class RootPassword(Record):
    """Whether the root user of an account has one, which it has unless it is told here; shelved by the account's number. Organizations
    makes accounts without one, IAM takes it away and allows it again."""

    created: float
    is_there: bool


class ControlPolicy(Record):
    """What a service or resource control policy says now; shelved by ARN."""

    account: str
    document: str


class Bounds(NamedTuple):
    """The control policies of an account, compiled."""

    scps: Levels = ()
    rcps: Levels = ()
    is_closed: bool = False
    """Its account is closed: nobody gets at what it owns."""


FREE = Bounds()
"""What is bound by nothing: an account without an organization, and whoever manages one."""

RESOURCE_CONTROLLED = frozenset({
    "appstream", "dsql", "clouddirectory", "cloudfront", "cloudsearch", "logs", "networkmonitor", "cognito-identity", "cognito-idp",
    "comprehend", "comprehendmedical", "firehose", "dynamodb", "dax", "autoscaling", "ecr", "ecr-public", "gamelift", "inspector-scan",
    "kendra", "kinesisvideo", "memorydb", "aoss", "personalize", "polly", "s3", "swf", "sqs", "textract", "timestream-influxdb",
    "transcribe", "translate", "workspaces", "appconfig", "autoscaling-plans", "budgets", "servicediscovery", "cloudtrail-data",
    "codeartifact", "codebuild", "codecommit", "codepipeline", "compute-optimizer", "cost-optimization-hub", "events", "fms", "fis",
    "health", "rolesanywhere", "kms", "opensearch", "pricing", "pca-connector-ad", "resource-groups", "secretsmanager", "sts", "signin",
    "support", "transfer", "notifications", "wafv2", "xray",
})  # fmt: skip
"""Prefixes of the actions to which resource control policies apply, as the list stood in September 2026:
https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html#rcp-supported-services"""


def is_resource_controlled(action: str) -> bool:
    """Whether resource control policies have a word in an action. ``kms:RetireGrant`` is the one that they have none in (ibidem)."""
    return action.partition(":")[0] in RESOURCE_CONTROLLED and action != "kms:RetireGrant"


def is_service_linked(principal: Principal) -> bool:
    """Roles linked to a service are bound by no policy of an organization.
    https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_scps.html#not-restricted-by-scp"""
    return principal.kind == "role" and SERVICE_LINKED in principal.source_arn


def member(home: Any, account: str) -> Member | None:
    """What this region knows of an account's organization."""
    return home.store.shelf(SHARED, Member).get(account)


def root_features(home: Any, found: Member) -> tuple[str, ...]:
    """The features of centralized root access that hold in a member's organization: none while IAM is not trusted in it."""
    management, held = member(home, found.management), home.store.shelf(SHARED, RootAccess).get(found.organization)
    return held.features if held is not None and management is not None and IAM in management.administers else ()


def organization_id(home: Any, account: str) -> str | None:
    found = member(home, account)
    return found.organization if found is not None else None


def keys_of(found: Member | None, whose: str) -> dict[str, Any]:
    """The condition keys of an organization: ``whose`` is ``principal``, ``resource`` or ``source``.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html#condition-keys-principalorgid"""
    if found is None:
        return {}
    return {f"aws:{whose}orgid": found.organization, f"aws:{whose}orgpaths": [found.path]}
