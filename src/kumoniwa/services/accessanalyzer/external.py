"""Access from outside: what the policies of resources let in, by service and as it stands now."""

from __future__ import annotations

import asyncio
import itertools
from typing import Any

from kumoniwa.aws import authorization
from kumoniwa.gate import organization
from kumoniwa.gate.authorize import compiled
from kumoniwa.gate.identity import SHARED, Identity
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.policy import Policy
from kumoniwa.languages.policy_reach import Reach, Thing, Undecided, Zone, reaches
from kumoniwa.services.accessanalyzer import analyzer as analyzers
from kumoniwa.services.accessanalyzer import keeping
from kumoniwa.services.accessanalyzer.analyzer import EXTERNAL, Analyzer
from kumoniwa.services.accessanalyzer.errors import ResourceNotFoundException, ValidationException
from kumoniwa.services.accessanalyzer.finding import EXTERNAL_ACCESS
from kumoniwa.services.accessanalyzer.keeping import Found, Seen
from kumoniwa.services.accessanalyzer.resource import READERS, Resource

INTERNAL_ERROR = "INTERNAL_ERROR"
_DONE_TO = {
    "AWS::SQS::Queue": ("sqs", "queue"), "AWS::SNS::Topic": ("sns", "topic"), "AWS::KMS::Key": ("kms", "key"),
    "AWS::Lambda::Function": ("lambda", "function", "function alias", "function version"),
    "AWS::Lambda::LayerVersion": ("lambda", "layerVersion"), "AWS::SecretsManager::Secret": ("secretsmanager", "Secret"),
    "AWS::DynamoDB::Table": ("dynamodb", "table", "index"), "AWS::IAM::Role": ("sts", "role"),
}  # fmt: skip


def things(type_: str, arn: str) -> tuple[Thing, ...]:
    """What can be reached of a resource."""
    if type_ == "AWS::S3::Bucket":
        inside = Thing(f"{arn}/", authorization.done_to("s3", "object"), is_inside=True)
        return Thing(arn, authorization.done_to("s3", "bucket")), inside
    if type_ == "AWS::IAM::Role":
        return (Thing(arn, tuple(each for each in authorization.done_to("sts", "role") if each.startswith("sts:AssumeRole"))),)
    prefix, *kinds = _DONE_TO[type_]
    return (Thing(arn, authorization.done_to(prefix, *kinds)),)


def judged(resource: Resource, zone: Zone, ceilings: tuple[Policy, ...]) -> list[Found]:
    """What is found of one resource. It may take long: ask in a thread."""
    if resource.error:
        return [Found(EXTERNAL_ACCESS, f"error {resource.error}", (), resource.error)]
    reached_for = things(resource.type, resource.arn)
    if not organization.is_resource_controlled(reached_for[0].actions[0]):
        ceilings = ()
    reached: dict[tuple, tuple[Reach, list[str]]] = {}
    try:
        for document in resource.documents:
            for reach in reaches(compiled(document.text, document.kind), reached_for, zone, ceilings):
                _, sources = reached.setdefault((reach.principal, reach.condition), (reach, []))
                sources.append(document.source)
    except Undecided:
        return [Found(EXTERNAL_ACCESS, f"error {INTERNAL_ERROR}", (), INTERNAL_ERROR)]
    restriction = "APPLIED" if ceilings else "NOT_APPLICABLE"
    return [Found(EXTERNAL_ACCESS, repr(key), (_detail(reach, sources, restriction),)) for key, (reach, sources) in reached.items()]


def _detail(reach: Reach, sources: list[str], restriction: str) -> dict[str, Any]:
    detail: dict[str, Any] = {
        "principal": dict([reach.principal]), "action": list(reach.actions), "condition": dict(reach.condition), "isPublic": reach.is_public,
        "resourceControlPolicyRestriction": restriction,
    }  # fmt: skip
    named = [{"type": source} for source in dict.fromkeys(sources) if source]
    return detail | ({"sources": named} if named else {})


# Scanning ------------------------------------------------------------------------------------------


async def _zones(call: Call, analyzer: Analyzer) -> list[tuple[Call, Zone]]:
    """Whom to read as in each account, and whom each trusts."""
    accounts = analyzers.watched(call, analyzer)
    readers = [await analyzers.reading(call, account) for account in accounts]
    owners = [(await reader.ask("s3:ListBuckets", MaxBuckets=1)).get("Owner", {}).get("ID", "") for reader in readers]
    identities = call.home.store.shelf(SHARED, Identity).values()
    own = organization.organization_id(call.home, call.account) or ""
    members = call.home.store.shelf(SHARED, organization.Member).values()
    zone = Zone(
        account="", accounts=frozenset(accounts), canonical_users=frozenset(owners),
        organizations=frozenset({own} if analyzer.type in analyzers.OF_ORGANIZATIONS else ()), organization=own,
        fellows=frozenset(each.account for each in members if each.organization == own and each.account not in accounts),
        ids=frozenset(each.id for each in identities if each.account in accounts),
    )  # fmt: skip
    return [(reader, zone._replace(account=reader.account)) for reader in readers]


async def scan(call: Call, analyzer: Analyzer, services: set[str]) -> None:
    """Look at everything of some services anew."""
    await analyzers.know_actions()
    zones = await _zones(call, analyzer)
    for service in sorted(services):
        types, readers = READERS[service]
        standing: set[str] = set()
        for reader, zone in zones:
            for read in readers:
                async for resource in read(reader):
                    if resource is not None and await _judge(call, analyzer, resource, zone):
                        standing.add(resource.arn)
        if analyzer.name in call.shelf(Analyzer):
            call.atomically(lambda types=types, standing=standing: keeping.forget_others(call, analyzer, types, standing))


async def _judge(call: Call, analyzer: Analyzer, resource: Resource, zone: Zone) -> bool:
    ceilings = tuple(policy for level in call.home.gate.authorizer.bounds(zone.account).rcps for policy in level)
    found = await asyncio.to_thread(judged, resource, zone, ceilings)
    held = call.shelf(Analyzer).get(analyzer.name)
    if held is None or held.created != analyzer.created:
        return False  # The analyzer went away meanwhile.
    call.atomically(lambda: keeping.judge(call, held, Seen(resource.arn, resource.type, zone.account), found))
    return True


async def StartResourceScan(
    call: Call, *, analyzerArn: str, resourceArn: str, resourceOwnerAccount: str | None = None
) -> None:
    """It is answered when the resource was scanned."""
    analyzer = analyzers.of_arn(call, analyzerArn)
    if analyzer.type not in EXTERNAL:
        raise ValidationException("Resources are scanned by external access analyzers only.")
    parsed = arns.parse(resourceArn)
    if parsed is None or parsed.service not in READERS:
        raise ValidationException(f"The resource {resourceArn} is of a type that is not supported.")
    owner = resourceOwnerAccount or parsed.account or call.account
    if owner not in analyzers.watched(call, analyzer):
        raise ResourceNotFoundException.of("resource", resourceArn)
    await analyzers.know_actions()
    try:
        for reader, zone in await _zones(call, analyzer):
            for read in READERS[parsed.service][1] if reader.account == owner else ():
                async for resource in read(reader):
                    if resource is not None and resource.arn == resourceArn:
                        await _judge(call, analyzer, resource, zone)
                        return
    except AwsError as error:
        raise ValidationException(f"The resource could not be read: {error.text}", hint=error.hint) from None
    raise ResourceNotFoundException.of("resource", resourceArn)


def all_services() -> set[str]:
    return set(itertools.chain(READERS))
