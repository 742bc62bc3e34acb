"""Who may do what to the Data Catalog: rights are asked for what is touched and for all above it."""

from __future__ import annotations

import json

import pytest
from botocore.exceptions import ClientError
from glue_workshop import make_table, part
from refusals import refused, refused_code

ACCOUNT, OTHER = "111111111111", "222222222222"
BEGIN = f"arn:aws:glue:us-east-1:{ACCOUNT}:"


@pytest.fixture
def glue(cloud):
    client = cloud.client("glue", key=ACCOUNT)
    client.create_database(DatabaseInput={"Name": "lake"})
    return client


class Visitor:
    def __init__(self, cloud, account: str = ACCOUNT) -> None:
        self.cloud, self.iam = cloud, cloud.client("iam", key=account)
        self.iam.create_user(UserName="ann")
        key = self.iam.create_access_key(UserName="ann")["AccessKey"]
        self.glue = cloud.client("glue", key=key["AccessKeyId"], secret=key["SecretAccessKey"])

    def may(self, action: str, *below: str) -> Visitor:
        statement = {"Effect": "Allow", "Action": action, "Resource": [BEGIN + each for each in below]}
        self.iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}))
        return self


def denied(call, **params) -> str:
    """The resource for want of which a call is denied."""
    code, text = refused(call, **params)
    assert code == "AccessDeniedException", text
    return text.partition("on resource: ")[2].partition(" ")[0].removeprefix(BEGIN)


def test_a_table_is_touched_with_its_database_and_the_catalog(cloud, glue):
    make_table(glue)
    ann, asked = Visitor(cloud), {"DatabaseName": "Lake", "Name": "LOGS"}
    assert denied(ann.may("glue:GetTable", "table/lake/logs", "database/lake").glue.get_table, **asked) == "catalog"
    assert denied(ann.may("glue:GetTable", "table/lake/logs", "catalog").glue.get_table, **asked) == "database/lake"
    assert denied(ann.may("glue:GetTable", "catalog", "database/lake").glue.get_table, **asked) == "table/lake/logs"
    assert ann.may("glue:GetTable", "catalog", "database/lake", "table/lake/logs").glue.get_table(**asked)["Table"]["Name"] == "logs"


def test_a_list_is_of_all_below_and_who_deletes_a_database_deletes_all_in_it(cloud, glue):
    where = make_table(glue)
    ann, above = Visitor(cloud), ("catalog", "database/lake")
    assert denied(ann.may("glue:GetTables", *above, "table/lake/logs").glue.get_tables, DatabaseName="lake") == "table/lake/*"
    assert denied(ann.may("glue:GetDatabases", *above).glue.get_databases) == "database/*"
    assert denied(ann.may("glue:DeleteDatabase", *above).glue.delete_database, Name="lake") == "table/lake/*"
    more = {"TablesToDelete": ["logs", "others"]}
    assert denied(ann.may("glue:BatchDeleteTable", *above, "table/lake/logs").glue.batch_delete_table, DatabaseName="lake", **more) == "table/lake/others"
    ann.may("glue:*Partition*", *above, "table/lake/logs")
    part(ann.glue, where, "2026", "01", "2026-01-01")
    assert len(ann.glue.get_partitions(**where)["Partitions"]) == 1
    assert denied(ann.glue.get_partitions, DatabaseName="lake", TableName="other") == "table/lake/other"
    assert denied(ann.may("glue:CreateTable", *above, "table/lake/a").glue.create_table, DatabaseName="lake", TableInput={"Name": "B"}) == "table/lake/b"


def test_the_catalogs_policy_lets_another_account_in(cloud, glue):
    make_table(glue)
    stranger = cloud.client("glue", key=OTHER)
    asked = {"DatabaseName": "lake", "Name": "logs", "CatalogId": ACCOUNT}
    assert refused_code(stranger.get_table, **asked) == "AccessDeniedException"
    below = [BEGIN + each for each in ("catalog", "database/lake", "table/lake/*")]
    document = json.dumps({"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "glue:GetTable", "Resource": below}})
    first = glue.put_resource_policy(PolicyInJson=document)["PolicyHash"]
    assert stranger.get_table(**asked)["Table"]["CatalogId"] == ACCOUNT
    assert refused_code(stranger.get_tables, DatabaseName="lake", CatalogId=ACCOUNT) == "AccessDeniedException"
    held = glue.get_resource_policy()
    assert (held["PolicyInJson"], held["PolicyHash"]) == (document, first)
    assert [each["PolicyHash"] for each in glue.get_resource_policies()["GetResourcePoliciesResponseList"]] == [first]
    again = {"PolicyInJson": document.replace("GetTable", "GetTables")}
    assert refused_code(glue.put_resource_policy, **again, PolicyExistsCondition="NOT_EXIST") == "ConditionCheckFailureException"
    assert refused_code(glue.put_resource_policy, **again, PolicyHashCondition="x") == "ConditionCheckFailureException"
    second = glue.put_resource_policy(**again, PolicyHashCondition=first, PolicyExistsCondition="MUST_EXIST")["PolicyHash"]
    assert second != first and refused_code(glue.delete_resource_policy, PolicyHashCondition=first) == "ConditionCheckFailureException"
    glue.delete_resource_policy(PolicyHashCondition=second)
    assert refused_code(glue.get_resource_policy) == "EntityNotFoundException"
    assert refused_code(glue.put_resource_policy, PolicyInJson="{}") == "InvalidInputException"
    assert refused_code(glue.put_resource_policy, PolicyInJson=document, PolicyExistsCondition="MUST_EXIST") == "EntityNotFoundException"
    with pytest.raises(ClientError, match="AccessDenied"):
        stranger.get_table(**asked)


def test_who_may_touch_databases_of_a_tag_may_touch_no_others(cloud, glue):
    glue.create_database(DatabaseInput={"Name": "a"}, Tags={"team": "a"})
    ann = Visitor(cloud)
    statements = [
        {"Effect": "Allow", "Action": "glue:GetDatabase", "Resource": BEGIN + "catalog"},
        {"Effect": "Allow", "Action": "glue:GetDatabase", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "a"}}},
    ]
    ann.iam.put_user_policy(UserName="ann", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
    assert ann.glue.get_database(Name="a")["Database"]["Name"] == "a"
    assert denied(ann.glue.get_database, Name="lake") == "database/lake"
