"""The resources of other services with what says who may use them, as the analyzer's role reads them.

Grants that are no policies (access control lists, grants of keys) are told as statements of one, so that all are judged alike. What the
role may not read is told as an error. Access points, directory buckets and what belongs to services that this cloud does not have are
nothing that it could read.
https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-resources.html
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from typing import Any, NamedTuple
from urllib.parse import unquote

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.languages.policy_public import is_public

DENIED = frozenset({"AccessDenied", "AccessDeniedException", "AuthorizationError", "403"})
ACCESS_DENIED = "ACCESS_DENIED"
LINKED_PATH = "/aws-service-role/"
GROUPS = "http://acs.amazonaws.com/groups/"
PUBLIC_GROUPS = (f"{GROUPS}global/AllUsers", f"{GROUPS}global/AuthenticatedUsers")


class Document(NamedTuple):
    text: str
    kind: str = "resource"
    source: str = ""
    """POLICY or BUCKET_ACL, which findings of buckets tell."""


class Resource(NamedTuple):
    arn: str
    type: str
    documents: tuple[Document, ...] = ()
    error: str = ""


async def _pages(call: Call, operation: str, answered: str, given: str, **params: Any) -> list[dict[str, Any]]:
    """Every page of a list."""
    pages, token = [], None
    while True:
        page = await call.ask(operation, **params, **({given: token} if token else {}))
        pages.append(page)
        token = page.get(answered)
        if not token:
            return pages


async def gathered(call: Call, operation: str, member: str, answered: str, given: str, **params: Any) -> list[dict[str, Any]]:
    """What all pages of a list hold."""
    return [each for page in await _pages(call, operation, answered, given, **params) for each in page.get(member, ())]


async def _read(arn: str, kind: str, read: Callable[[], Any]) -> Resource | None:
    """One resource; None if it went away meanwhile."""
    try:
        return Resource(arn, kind, tuple(document for document in await read() if document.text))
    except AwsError as error:
        if error.code in DENIED:
            return Resource(arn, kind, error=ACCESS_DENIED)
        if "NotFound" in error.code or "NoSuch" in error.code or "NonExistent" in error.code:
            return None
        raise


async def _unless(missing: str, call: Call, operation: str, **params: Any) -> dict[str, Any]:
    """An answer, or nothing where the resource has none of it."""
    try:
        return await call.ask(operation, **params)
    except AwsError as error:
        if error.code == missing:
            return {}
        raise


def _policy(*statements: dict[str, Any]) -> str:
    return orjson.dumps({"Version": "2012-10-17", "Statement": list(statements)}).decode() if statements else ""


# S3 ------------------------------------------------------------------------------------------------

_ACL_ACTIONS = {
    "READ": ["s3:ListBucket", "s3:ListBucketVersions", "s3:ListBucketMultipartUploads"],
    "WRITE": ["s3:PutObject", "s3:DeleteObject"],
    "READ_ACP": ["s3:GetBucketAcl"],
    "WRITE_ACP": ["s3:PutBucketAcl"],
}
"""https://docs.aws.amazon.com/AmazonS3/latest/userguide/acl-overview.html#acl-access-policy-permission-mapping"""


async def _buckets(call: Call) -> AsyncIterator[Resource | None]:
    for bucket in await gathered(call, "s3:ListBuckets", "Buckets", "ContinuationToken", "ContinuationToken", BucketRegion=call.region):
        name = bucket["Name"]
        arn = f"arn:{call.home.partition}:s3:::{name}"
        yield await _read(arn, "AWS::S3::Bucket", lambda name=name, arn=arn: _bucket(call, name, arn))


async def _bucket(call: Call, name: str, arn: str) -> list[Document]:
    missing = "NoSuchPublicAccessBlockConfiguration"
    own = await _unless(missing, call, "s3:GetPublicAccessBlock", Bucket=name)
    accounts = await _unless(missing, call, "s3control:GetPublicAccessBlock", AccountId=call.account)
    blocked = {what for each in (own, accounts) for what, is_so in each.get("PublicAccessBlockConfiguration", {}).items() if is_so}
    policy = (await _unless("NoSuchBucketPolicy", call, "s3:GetBucketPolicy", Bucket=name)).get("Policy", "")
    text = policy.decode() if isinstance(policy, bytes) else policy
    if text and "RestrictPublicBuckets" in blocked and is_public(text):
        text = ""  # Then nobody of another account is let in.
    listed = await call.ask("s3:GetBucketAcl", Bucket=name)
    grants = [_acl(grant, arn) for grant in listed["Grants"] if not ("IgnorePublicAcls" in blocked and _is_of_group(grant))]
    return [Document(text, source="POLICY"), Document(_policy(*filter(None, grants)), source="BUCKET_ACL")]


def _is_of_group(grant: dict[str, Any]) -> bool:
    return grant["Grantee"].get("URI") in PUBLIC_GROUPS


def _acl(grant: dict[str, Any], arn: str) -> dict[str, Any] | None:
    grantee = grant["Grantee"]
    if _is_of_group(grant):
        principal: Any = "*"
    elif grantee.get("ID"):
        principal = {"CanonicalUser": grantee["ID"]}
    else:
        return None
    permissions = _ACL_ACTIONS if grant["Permission"] == "FULL_CONTROL" else {grant["Permission"]: _ACL_ACTIONS[grant["Permission"]]}
    actions = [action for listed in permissions.values() for action in listed]
    return {"Effect": "Allow", "Principal": principal, "Action": actions, "Resource": [arn, f"{arn}/*"]}


# The others ----------------------------------------------------------------------------------------


async def _queues(call: Call) -> AsyncIterator[Resource | None]:
    for page in await _pages(call, "sqs:ListQueues", "NextToken", "NextToken", MaxResults=1000):
        for url in page.get("QueueUrls", ()):
            arn = call.arn(url.rpartition("/")[2], "sqs")
            yield await _read(arn, "AWS::SQS::Queue", lambda url=url: _queue(call, url))


async def _queue(call: Call, url: str) -> list[Document]:
    said = await call.ask("sqs:GetQueueAttributes", QueueUrl=url, AttributeNames=["Policy"])
    return [Document(said.get("Attributes", {}).get("Policy", ""))]


async def _topics(call: Call) -> AsyncIterator[Resource | None]:
    for topic in await gathered(call, "sns:ListTopics", "Topics", "NextToken", "NextToken"):
        arn = topic["TopicArn"]
        yield await _read(arn, "AWS::SNS::Topic", lambda arn=arn: _topic(call, arn))


async def _topic(call: Call, arn: str) -> list[Document]:
    return [Document((await call.ask("sns:GetTopicAttributes", TopicArn=arn))["Attributes"].get("Policy", ""))]


async def _keys(call: Call) -> AsyncIterator[Resource | None]:
    for key in await gathered(call, "kms:ListKeys", "Keys", "NextMarker", "Marker"):
        arn = key["KeyArn"]
        yield await _read(arn, "AWS::KMS::Key", lambda arn=arn: _key(call, arn))


async def _key(call: Call, arn: str) -> list[Document]:
    policy = (await call.ask("kms:GetKeyPolicy", KeyId=arn))["Policy"]
    grants = await gathered(call, "kms:ListGrants", "Grants", "NextMarker", "Marker", KeyId=arn)
    return [Document(policy), Document(_policy(*filter(None, map(_granted, grants))))]


def _granted(grant: dict[str, Any]) -> dict[str, Any] | None:
    if not grant.get("GranteePrincipal", "").startswith("arn:"):
        return None
    statement: dict[str, Any] = {
        "Effect": "Allow", "Principal": {"AWS": grant["GranteePrincipal"]}, "Resource": "*",
        "Action": [f"kms:{operation}" for operation in grant["Operations"]],
    }  # fmt: skip
    pairs = {key: value for held in grant.get("Constraints", {}).values() for key, value in held.items()}
    if pairs:
        statement["Condition"] = {"StringEquals": {f"kms:EncryptionContext:{key}": value for key, value in pairs.items()}}
    return statement


async def _functions(call: Call) -> AsyncIterator[Resource | None]:
    """Functions, and those of their versions and aliases that have a policy of their own."""
    for function in await gathered(call, "lambda:ListFunctions", "Functions", "NextMarker", "Marker"):
        name, arn = function["FunctionName"], function["FunctionArn"]
        yield await _read(arn, "AWS::Lambda::Function", lambda name=name: _function(call, name))
        for qualifier in await _qualifiers(call, name):
            held = await _read(f"{arn}:{qualifier}", "AWS::Lambda::Function", lambda name=name, q=qualifier: _function(call, name, Qualifier=q))
            if held is not None and held.documents:
                yield held


async def _qualifiers(call: Call, name: str) -> list[str]:
    try:
        versions = await gathered(call, "lambda:ListVersionsByFunction", "Versions", "NextMarker", "Marker", FunctionName=name)
        aliases = await gathered(call, "lambda:ListAliases", "Aliases", "NextMarker", "Marker", FunctionName=name)
    except AwsError:
        return []  # It went away.
    return [each["Version"] for each in versions if each["Version"] != "$LATEST"] + [each["Name"] for each in aliases]


async def _function(call: Call, name: str, **qualified: str) -> list[Document]:
    said = await _unless("ResourceNotFoundException", call, "lambda:GetPolicy", FunctionName=name, **qualified)
    return [Document(said.get("Policy", ""))]


async def _layers(call: Call) -> AsyncIterator[Resource | None]:
    for layer in await gathered(call, "lambda:ListLayers", "Layers", "NextMarker", "Marker"):
        name = layer["LayerName"]
        for version in await gathered(call, "lambda:ListLayerVersions", "LayerVersions", "NextMarker", "Marker", LayerName=name):
            arn, number = version["LayerVersionArn"], version["Version"]
            yield await _read(arn, "AWS::Lambda::LayerVersion", lambda name=name, number=number: _layer(call, name, number))


async def _layer(call: Call, name: str, number: int) -> list[Document]:
    said = await _unless("ResourceNotFoundException", call, "lambda:GetLayerVersionPolicy", LayerName=name, VersionNumber=number)
    return [Document(said.get("Policy", ""))]


async def _secrets(call: Call) -> AsyncIterator[Resource | None]:
    for secret in await gathered(call, "secretsmanager:ListSecrets", "SecretList", "NextToken", "NextToken"):
        arn = secret["ARN"]
        yield await _read(arn, "AWS::SecretsManager::Secret", lambda arn=arn: _secret(call, arn))


async def _secret(call: Call, arn: str) -> list[Document]:
    return [Document((await call.ask("secretsmanager:GetResourcePolicy", SecretId=arn)).get("ResourcePolicy", ""))]


async def _tables(call: Call) -> AsyncIterator[Resource | None]:
    for page in await _pages(call, "dynamodb:ListTables", "LastEvaluatedTableName", "ExclusiveStartTableName"):
        for name in page["TableNames"]:
            arn = call.arn(f"table/{name}", "dynamodb")
            yield await _read(arn, "AWS::DynamoDB::Table", lambda arn=arn: _table(call, arn))


async def _table(call: Call, arn: str) -> list[Document]:
    said = await _unless("PolicyNotFoundException", call, "dynamodb:GetResourcePolicy", ResourceArn=arn)
    return [Document(said.get("Policy", ""))]


async def _roles(call: Call) -> AsyncIterator[Resource | None]:
    """All but those that are linked to a service, which nobody else can assume."""
    for role in await gathered(call, "iam:ListRoles", "Roles", "Marker", "Marker", MaxItems=1000):
        if not role["Path"].startswith(LINKED_PATH):
            yield Resource(role["Arn"], "AWS::IAM::Role", (Document(unquote(role["AssumeRolePolicyDocument"]), "trust"),))


READERS: dict[str, tuple[frozenset[str], tuple[Callable[[Call], AsyncIterator[Resource | None]], ...]]] = {
    "s3": (frozenset({"AWS::S3::Bucket"}), (_buckets,)),
    "sqs": (frozenset({"AWS::SQS::Queue"}), (_queues,)),
    "sns": (frozenset({"AWS::SNS::Topic"}), (_topics,)),
    "kms": (frozenset({"AWS::KMS::Key"}), (_keys,)),
    "lambda": (frozenset({"AWS::Lambda::Function", "AWS::Lambda::LayerVersion"}), (_functions, _layers)),
    "secretsmanager": (frozenset({"AWS::SecretsManager::Secret"}), (_secrets,)),
    "dynamodb": (frozenset({"AWS::DynamoDB::Table"}), (_tables,)),
    "iam": (frozenset({"AWS::IAM::Role"}), (_roles,)),
}
"""By service: the types of resources that are read of it, and how."""
