"""When the accounts of an organization last used each service that its service control policies leave open to them.

It is asked for in the management account, as whom the organization is asked, too. What root users do is not among it: their uses are noted
of no identity here. A report is ready at once.
https://docs.aws.amazon.com/IAM/latest/APIReference/API_GenerateOrganizationsAccessReport.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.organization import Member, member
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.languages.policy import Policy, parse
from kumoniwa.services.iam.entity import Role, User, now_s
from kumoniwa.services.iam.errors import InvalidInput, NoSuchEntity
from kumoniwa.services.iam.last_access import KEPT_S, namespaces, opens
from kumoniwa.services.iam.policy import paged

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

SCP = "SERVICE_CONTROL_POLICY"


class AccessReport(Record):
    """As it was when it was asked for; shelved by its id."""

    created: float
    services: list[dict[str, Any]] = []
    error_code: str = ""
    error: str = ""


class _Organization:
    """Asked as the caller."""

    def __init__(self, call: Call) -> None:
        self.call = call

    async def all(self, operation: str, result: str, **params: Any) -> list[dict[str, Any]]:
        found, more = [], {}
        while True:
            reply = await self.call.ask(f"organizations:{operation}", **params, **more)
            found += reply[result]
            if not reply.get("NextToken"):
                return found
            more = {"NextToken": reply["NextToken"]}

    async def accounts_in(self, place: str) -> list[str]:
        if not place.startswith(("r-", "ou-")):
            return [place]
        accounts = [each["Id"] for each in await self.all("ListChildren", "Children", ParentId=place, ChildType="ACCOUNT")]
        for each in await self.all("ListChildren", "Children", ParentId=place, ChildType="ORGANIZATIONAL_UNIT"):
            accounts += await self.accounts_in(each["Id"])
        return accounts

    async def way_to(self, place: str) -> list[str]:
        """The places from the root down to one."""
        way = [place]
        while not way[0].startswith("r-"):
            (parent,) = await self.all("ListParents", "Parents", ChildId=way[0])
            way.insert(0, parent["Id"])
        return way

    async def policy(self, id_: str) -> Policy:
        reply = await self.call.ask("organizations:DescribePolicy", PolicyId=id_)
        return parse(reply["Policy"]["Content"], "scp")

    async def policies_of(self, place: str) -> list[Policy]:
        listed = await self.all("ListPoliciesForTarget", "Policies", TargetId=place, Filter=SCP)
        return [await self.policy(each["Id"]) for each in listed]


def _leaves_open(policies: list[Policy], namespace: str) -> bool:
    """Whether policies of one level allow anything of a service and do not deny it whole."""
    return any(opens(policy, namespace) for policy in policies) and not any(_shuts(policy, namespace) for policy in policies)


def _shuts(policy: Policy, namespace: str) -> bool:
    for statement in policy.statements:
        source = statement.source
        if statement.is_deny and source.get("Resource", "*") in ("*", ["*"]) and not source.get("Condition"):
            named = source.get("Action", ())
            patterns = [named] if isinstance(named, str) else named
            if any(pattern.lower() in ("*", "*:*", f"{namespace}:*") for pattern in patterns):
                return True
    return False


# Generating ----------------------------------------------------------------------------------------


def _checked(call: Call, path: str) -> tuple[Member, list[str]]:
    """The words of refusals are ours: no source tells AWS's."""
    found = member(call.home, call.account)
    if found is None or found.management != call.account:
        raise InvalidInput("The account is not the management account of an organization.")
    places = path.strip("/").split("/")
    if places[0] != found.organization or len(places) < 2:
        raise InvalidInput(f"The entity path {path} is not one of the organization {found.organization}.")
    return found, places[1:]


async def GenerateOrganizationsAccessReport(call: Call, *, EntityPath: str, OrganizationsPolicyId: str | None = None) -> dict:
    found, places = _checked(call, EntityPath)
    number, organization = call.new_id(), _Organization(call)
    try:
        if await organization.way_to(places[-1]) != places:
            raise InvalidInput(f"There is no {EntityPath} in the organization.")
        (root,) = await organization.all("ListRoots", "Roots")
        if {"Type": SCP, "Status": "ENABLED"} not in root["PolicyTypes"]:
            raise InvalidInput("Service control policies are not enabled in the root of the organization.")
        report = AccessReport(created=now_s(call), services=await _report(call, organization, found, places, OrganizationsPolicyId))
    except InvalidInput:
        raise
    except AwsError as error:
        report = AccessReport(created=now_s(call), error_code=error.code, error=error.text)

    def keep() -> None:
        shelf = call.shelf(AccessReport)
        for old in [old for old, each in shelf.items() if each.created + KEPT_S <= call.now()]:
            del shelf[old]
        shelf[number] = report

    call.atomically(keep)
    return {"JobId": number}


async def _report(call: Call, organization: _Organization, found: Member, places: list[str], policy_id: str | None) -> list[dict[str, Any]]:
    """The management account is limited by no policy, and in no report but its own."""
    target = places[-1]
    if target == found.management:
        return _services(call, list(namespaces()), [target])
    accounts = [each for each in await organization.accounts_in(target) if each != found.management]
    if policy_id is None:
        levels = [await organization.policies_of(place) for place in places]
        return _services(call, [name for name in namespaces() if all(_leaves_open(level, name) for level in levels)], accounts)
    policy = await organization.policy(policy_id)
    bound = {each["TargetId"] for each in await organization.all("ListTargetsForPolicy", "Targets", PolicyId=policy_id)}
    accounts = [each for each in accounts if bound.intersection(await organization.way_to(each))]
    return _services(call, [name for name in namespaces() if _leaves_open([policy], name)], accounts)


def _services(call: Call, names: list[str], accounts: list[str]) -> list[dict[str, Any]]:
    full_names, uses = namespaces(), call.home.store.shelf(SHARED, LastUse)
    ids = {account: [each.id for kind in (User, Role) for each in call.home.store.shelf(account, kind).values()] for account in accounts}
    listed = []
    for name in names:
        told: dict[str, Any] = {"ServiceName": full_names[name], "ServiceNamespace": name}
        found = [(use.at, use.region, account) for account in accounts for id_ in ids[account] if (use := uses.get(f"{id_} {name}")) is not None]
        told["TotalAuthenticatedEntities"] = len({account for _, _, account in found})
        if found:
            at, region, account = max(found)
            held = member(call.home, account)
            told |= {"LastAuthenticatedTime": at, "Region": region, "EntityPath": f"{held.path if held is not None else ''}{account}"}
        listed.append(told)
    return listed


# Getting -------------------------------------------------------------------------------------------


def GetOrganizationsAccessReport(
    call: Call, *, JobId: str, MaxItems: int | None = None, Marker: str | None = None, SortKey: str | None = None
) -> dict:
    report = call.shelf(AccessReport).get(JobId)
    if report is None:
        raise NoSuchEntity(f"JobId {JobId} does not exist.")
    shown: dict[str, Any] = {"JobCreationDate": report.created, "JobCompletionDate": report.created}
    if report.error_code:
        return {**shown, "JobStatus": "FAILED", "ErrorDetails": {"Code": report.error_code, "Message": report.error}}
    by, _, order = (SortKey or "SERVICE_NAMESPACE_ASCENDING").rpartition("_")
    listed = sorted(report.services, key=lambda each: each["ServiceNamespace"], reverse=by == "SERVICE_NAMESPACE" and order == "DESCENDING")
    if by == "LAST_AUTHENTICATED_TIME":
        listed.sort(key=lambda each: each.get("LastAuthenticatedTime", 0.0), reverse=order == "DESCENDING")
    idle = sum("LastAuthenticatedTime" not in each for each in listed)
    return {
        **shown, "JobStatus": "COMPLETED", "NumberOfServicesAccessible": len(listed), "NumberOfServicesNotAccessed": idle,
        **paged({"AccessDetails": listed}, Marker, MaxItems),
    }  # fmt: skip
