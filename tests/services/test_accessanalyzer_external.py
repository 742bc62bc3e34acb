"""Access from outside: an analyzer finds whom the policies of resources let in, as they stand now."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError

OWN, OTHER, THIRD = "000000000000", "111122223333", "444455556666"


@pytest.fixture
def analyzer(cloud):
    return cloud.client("accessanalyzer").create_analyzer(analyzerName="outside", type="ACCOUNT")["arn"]


def policy(*statements: dict) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", **each} for each in statements]})


def findings(cloud, arn: str, **filters) -> list[dict]:
    cloud.sleep(30)
    wanted = {key: {"eq": [value]} for key, value in ({"status": "ACTIVE"} | filters).items()}
    return cloud.client("accessanalyzer").list_findings(analyzerArn=arn, filter=wanted)["findings"]


def queue(cloud, name: str, *statements: dict) -> str:
    sqs = cloud.client("sqs")
    url = sqs.create_queue(QueueName=name)["QueueUrl"]
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(*({"Resource": "*", **each} for each in statements))})
    return url


def seen(found: list[dict]) -> list[tuple]:
    """What of findings tells them apart: principal, conditions, whether it is public."""
    return sorted((str(each["principal"]), str(each["condition"]), each["isPublic"]) for each in found)


def test_a_queue_opened_to_another_account_is_found_with_what_that_may_do(cloud, analyzer):
    queue(cloud, "q", {"Principal": {"AWS": OTHER}, "Action": ["sqs:SendMessage", "sqs:Get*"]})
    [found] = findings(cloud, analyzer)
    assert found["resource"] == f"arn:aws:sqs:us-east-1:{OWN}:q"
    assert found["resourceType"] == "AWS::SQS::Queue"
    assert found["resourceOwnerAccount"] == OWN
    assert found["principal"] == {"AWS": OTHER}
    assert found["action"] == ["sqs:GetQueueAttributes", "sqs:GetQueueUrl", "sqs:SendMessage"]
    assert (found["condition"], found["isPublic"], found["status"]) == ({}, False, "ACTIVE")


@pytest.mark.parametrize(
    ("statement", "expected"),
    [
        ({"Principal": "*"}, [("{'AWS': '*'}", "{}", True)]),
        ({"Principal": {"AWS": OWN}}, []),
        ({"Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}}, [(f"{{'AWS': 'arn:aws:iam::{OTHER}:root'}}", "{}", False)]),
        ({"Principal": {"Service": "sns.amazonaws.com"}}, []),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": OWN}}}, []),
        ({"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalAccount": OWN}}}, []),
        ({"Principal": "*", "Condition": {"ArnLike": {"aws:SourceArn": f"arn:aws:sns:*:{OWN}:*"}}}, []),
        (
            {"Principal": "*", "Condition": {"StringEquals": {"aws:SourceAccount": OTHER}}},
            [("{'AWS': '*'}", f"{{'aws:SourceAccount': '{OTHER}'}}", False)],
        ),
        (
            {"Principal": "*", "Condition": {"ArnEquals": {"aws:SourceArn": "arn:aws:s3:::somebody"}}},
            [("{'AWS': '*'}", "{'aws:SourceArn': 'arn:aws:s3:::somebody'}", False)],
        ),
        (
            {"Principal": "*", "Condition": {"StringEquals": {"aws:PrincipalOrgID": "o-a1b2c3d4e5"}}},
            [("{'AWS': '*'}", "{'aws:PrincipalOrgID': 'o-a1b2c3d4e5'}", False)],
        ),
        ({"Principal": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OWN}:role/*"}}}, []),
        (
            {"Principal": "*", "Condition": {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{OTHER}:role/*"}}},
            [("{'AWS': '*'}", f"{{'aws:PrincipalArn': 'arn:aws:iam::{OTHER}:role/*'}}", False)],
        ),
        (
            {"Principal": "*", "Condition": {"IpAddress": {"aws:SourceIp": "192.0.2.0/24"}}},
            [("{'AWS': '*'}", "{'aws:SourceIp': '192.0.2.0/24'}", False)],
        ),
        ({"Principal": "*", "Condition": {"Bool": {"aws:PrincipalIsAWSService": "true"}}}, []),
        ({"Principal": "*", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": OTHER}}}, [("{'AWS': '*'}", "{}", True)]),
    ],
)  # fmt: skip
def test_conditions_narrow_what_is_found_to_whom_they_let_in(cloud, analyzer, statement, expected):
    queue(cloud, "q", {"Action": "sqs:SendMessage", **statement})
    assert seen(findings(cloud, analyzer)) == expected


def test_what_a_denial_takes_back_is_not_found(cloud, analyzer):
    opened = {"Principal": "*", "Action": ["sqs:SendMessage", "sqs:ReceiveMessage"]}
    queue(cloud, "closed", opened, {"Effect": "Deny", "Principal": "*", "Action": "*", "Condition": {"StringNotEquals": {"aws:PrincipalAccount": OWN}}})
    queue(cloud, "ours", opened, {"Effect": "Deny", "Principal": "*", "NotAction": "sqs:GetQueueAttributes", "Condition": {"StringNotEquals": {"aws:PrincipalOrgID": "o-1"}}})
    queue(cloud, "half", opened, {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage"})
    found = {each["resource"].rpartition(":")[2]: each for each in findings(cloud, analyzer)}
    assert set(found) == {"ours", "half"}
    assert found["ours"]["condition"] == {"aws:PrincipalOrgID": "o-1"}
    assert not found["ours"]["isPublic"]
    assert "sqs:SendMessage" not in found["half"]["action"]
    assert "sqs:ReceiveMessage" in found["half"]["action"]


def test_only_the_most_general_answer_is_given(cloud, analyzer):
    queue(cloud, "q", {"Principal": "*", "Action": "sqs:SendMessage"}, {"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"})
    assert seen(findings(cloud, analyzer)) == [("{'AWS': '*'}", "{}", True)]


def test_a_finding_is_resolved_when_its_cause_is_gone_and_active_when_it_is_back(cloud, analyzer):
    url, aa = queue(cloud, "q", {"Principal": "*", "Action": "sqs:SendMessage"}), cloud.client("accessanalyzer")
    [first] = findings(cloud, analyzer)
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": ""})
    assert findings(cloud, analyzer) == []
    resolved = aa.get_finding(analyzerArn=analyzer, id=first["id"])["finding"]
    assert resolved["status"] == "RESOLVED"
    assert resolved["updatedAt"] > first["updatedAt"]
    cloud.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy({"Principal": "*", "Action": "sqs:SendMessage", "Resource": "*"})})
    [again] = findings(cloud, analyzer)
    assert again["id"] == first["id"]
    cloud.client("sqs").delete_queue(QueueUrl=url)
    assert findings(cloud, analyzer) == []
    assert aa.list_analyzed_resources(analyzerArn=analyzer, resourceType="AWS::SQS::Queue")["analyzedResources"] == []


def test_resolved_findings_are_deleted_after_ninety_days(cloud, analyzer):
    url = queue(cloud, "q", {"Principal": "*", "Action": "sqs:SendMessage"})
    assert findings(cloud, analyzer)
    cloud.client("sqs").delete_queue(QueueUrl=url)
    assert len(findings(cloud, analyzer, status="RESOLVED")) == 1
    cloud.fault("clock.skew", {"region": "us-east-1"}, offset=91 * 86_400.0)
    cloud.client("sqs").create_queue(QueueName="another")
    assert findings(cloud, analyzer, status="RESOLVED") == []


def test_buckets_are_judged_by_policy_and_list_and_what_blocks_them(cloud, analyzer):
    s3 = cloud.client("s3")
    for name in ("by-policy", "by-list", "blocked"):
        s3.create_bucket(Bucket=name, ObjectOwnership="BucketOwnerPreferred")
        s3.delete_public_access_block(Bucket=name)
    for name in ("by-policy", "blocked"):
        s3.put_bucket_policy(Bucket=name, Policy=policy({"Principal": "*", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{name}/public/*"}))
    s3.put_bucket_acl(Bucket="by-list", ACL="public-read")
    s3.put_public_access_block(Bucket="blocked", PublicAccessBlockConfiguration={"RestrictPublicBuckets": True})
    found = {each["resource"]: each for each in findings(cloud, analyzer)}
    assert set(found) == {"arn:aws:s3:::by-policy", "arn:aws:s3:::by-list"}
    assert found["arn:aws:s3:::by-policy"]["action"] == ["s3:GetObject"]
    assert found["arn:aws:s3:::by-policy"]["sources"] == [{"type": "POLICY"}]
    assert found["arn:aws:s3:::by-list"]["sources"] == [{"type": "BUCKET_ACL"}]
    assert found["arn:aws:s3:::by-list"]["action"] == ["s3:ListBucket", "s3:ListBucketMultipartUploads", "s3:ListBucketVersions"]
    assert all(each["isPublic"] for each in found.values())
    told = cloud.client("accessanalyzer").get_analyzed_resource(analyzerArn=analyzer, resourceArn="arn:aws:s3:::by-policy")["resource"]
    assert (told["isPublic"], told["actions"], told["sharedVia"], told["status"]) == (True, ["s3:GetObject"], ["POLICY"], "ACTIVE")
    everything = {"IgnorePublicAcls": True, "RestrictPublicBuckets": True}
    cloud.client("s3control").put_public_access_block(AccountId=OWN, PublicAccessBlockConfiguration=everything)
    assert findings(cloud, analyzer) == [] and len(findings(cloud, analyzer, status="RESOLVED")) == 2


def test_roles_are_judged_by_whom_they_trust(cloud, analyzer):
    iam = cloud.client("iam")
    trusts = {
        "abroad": {"Principal": {"AWS": OTHER}, "Action": "sts:AssumeRole", "Condition": {"StringEquals": {"sts:ExternalId": "s3cret"}}},
        "home": {"Principal": {"AWS": OWN}, "Action": "sts:AssumeRole"},
        "function": {"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"},
        "web": {"Principal": {"Federated": "accounts.google.com"}, "Action": "sts:AssumeRoleWithWebIdentity", "Condition": {"StringEquals": {"accounts.google.com:aud": "app"}}},
    }
    for name, trust in trusts.items():
        iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))
    found = {each["resource"].rpartition("/")[2]: each for each in findings(cloud, analyzer, resourceType="AWS::IAM::Role")}
    assert set(found) == {"abroad", "web"}
    assert (found["abroad"]["principal"], found["abroad"]["condition"]) == ({"AWS": OTHER}, {"sts:ExternalId": "s3cret"})
    assert (found["web"]["principal"], found["web"]["condition"]) == ({"Federated": "accounts.google.com"}, {"accounts.google.com:aud": "app"})
    assert found["web"]["action"] == ["sts:AssumeRoleWithWebIdentity"]


def test_keys_are_judged_by_policy_and_grants_and_an_unreadable_one_is_an_error(cloud, analyzer):
    kms = cloud.client("kms")
    granted = kms.create_key()["KeyMetadata"]["Arn"]
    kms.create_grant(KeyId=granted, GranteePrincipal=f"arn:aws:iam::{OTHER}:role/reader", Operations=["Decrypt"], Constraints={"EncryptionContextEquals": {"team": "red"}})
    admin = {"Principal": {"AWS": f"arn:aws:iam::{OWN}:root"}, "Action": "kms:*", "Resource": "*"}
    shared = kms.create_key(Policy=policy(admin, {"Principal": "*", "Action": "kms:Decrypt", "Resource": "*", "Condition": {"StringEquals": {"kms:CallerAccount": OTHER}}}))["KeyMetadata"]["Arn"]
    user = cloud.client("iam").create_user(UserName="admin")["User"]["Arn"]
    closed = kms.create_key(Policy=policy({"Principal": {"AWS": user}, "Action": "kms:*", "Resource": "*"}), BypassPolicyLockoutSafetyCheck=True)["KeyMetadata"]["Arn"]
    found = {each["resource"]: each for each in findings(cloud, analyzer, resourceType="AWS::KMS::Key")}
    assert set(found) == {granted, shared, closed}
    assert found[granted]["principal"] == {"AWS": f"arn:aws:iam::{OTHER}:role/reader"}
    assert (found[granted]["action"], found[granted]["condition"]) == (["kms:Decrypt"], {"kms:EncryptionContext:team": "red"})
    assert (found[shared]["principal"], found[shared]["condition"], found[shared]["isPublic"]) == ({"AWS": "*"}, {"kms:CallerAccount": OTHER}, False)
    assert found[closed]["error"] == "ACCESS_DENIED"
    assert "principal" not in found[closed]


def test_topics_functions_secrets_and_tables_are_judged_too(cloud, analyzer):
    topic = cloud.client("sns").create_topic(Name="t")["TopicArn"]
    cloud.client("sns").add_permission(TopicArn=topic, Label="l", AWSAccountId=[OTHER], ActionName=["Publish"])
    secret = cloud.client("secretsmanager").create_secret(Name="s", SecretString="x")["ARN"]
    cloud.client("secretsmanager").put_resource_policy(SecretId=secret, ResourcePolicy=policy({"Principal": {"AWS": OTHER}, "Action": "secretsmanager:GetSecretValue", "Resource": "*"}))
    dynamodb = cloud.client("dynamodb")
    dynamodb.create_table(TableName="ttt", KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}], BillingMode="PAY_PER_REQUEST")
    table = f"arn:aws:dynamodb:us-east-1:{OWN}:table/ttt"
    dynamodb.put_resource_policy(ResourceArn=table, Policy=policy({"Principal": {"AWS": OTHER}, "Action": "dynamodb:GetItem", "Resource": table}))
    found = {each["resourceType"]: (each["resource"], each["action"]) for each in findings(cloud, analyzer)}
    assert found == {
        "AWS::SNS::Topic": (topic, ["sns:Publish"]),
        "AWS::SecretsManager::Secret": (secret, ["secretsmanager:GetSecretValue"]),
        "AWS::DynamoDB::Table": (table, ["dynamodb:GetItem"]),
    }


def test_functions_their_aliases_and_layers_are_judged_by_their_permissions(cloud, analyzer):
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr("f.py", "def handler(event, context): pass")
    trust = policy({"Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = cloud.client("iam").create_role(RoleName="r", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    functions = cloud.client("lambda")
    arn = functions.create_function(FunctionName="f", Runtime="python3.12", Role=role, Handler="f.handler", Code={"ZipFile": held.getvalue()}, Publish=True)["FunctionArn"].removesuffix(":1")
    functions.create_alias(FunctionName="f", Name="live", FunctionVersion="1")
    asked = {"FunctionName": "f", "Action": "lambda:InvokeFunction"}
    functions.add_permission(**asked, StatementId="bucket", Principal="s3.amazonaws.com", SourceArn="arn:aws:s3:::b", SourceAccount=OWN)
    functions.add_permission(**asked, StatementId="other", Principal=OTHER, Qualifier="live")
    layer = functions.publish_layer_version(LayerName="l", Content={"ZipFile": held.getvalue()})["LayerVersionArn"]
    functions.add_layer_version_permission(LayerName="l", VersionNumber=1, StatementId="all", Action="lambda:GetLayerVersion", Principal="*")
    found = {each["resource"]: each for each in findings(cloud, analyzer)}
    assert set(found) == {f"{arn}:live", layer}
    assert (found[f"{arn}:live"]["principal"]["AWS"], found[f"{arn}:live"]["action"]) == (f"arn:aws:iam::{OTHER}:root", ["lambda:InvokeFunction"])
    assert (found[layer]["isPublic"], found[layer]["resourceType"]) == (True, "AWS::Lambda::LayerVersion")


def test_an_error_finding_is_resolved_once_the_role_may_read(cloud, analyzer):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="bucket")
    role = f"arn:aws:iam::{OWN}:role/aws-service-role/access-analyzer.amazonaws.com/AWSServiceRoleForAccessAnalyzer"
    s3.put_bucket_policy(Bucket="bucket", Policy=policy({"Effect": "Deny", "Principal": {"AWS": role}, "Action": "s3:GetBucketAcl", "Resource": "arn:aws:s3:::bucket"}))
    [error] = findings(cloud, analyzer)
    assert (error["error"], error["resource"]) == ("ACCESS_DENIED", "arn:aws:s3:::bucket")
    s3.delete_bucket_policy(Bucket="bucket")
    assert findings(cloud, analyzer) == []


def test_a_condition_with_a_variable_is_told_as_undecided_and_not_guessed(cloud, analyzer):
    queue(cloud, "q", {"Principal": "*", "Action": "sqs:*", "Condition": {"StringEquals": {"aws:PrincipalTag/team": "${aws:ResourceTag/team}"}}})
    [found] = findings(cloud, analyzer)
    assert found["error"] == "INTERNAL_ERROR"


# Archiving -----------------------------------------------------------------------------------------


def test_archive_rules_hold_for_what_is_found_from_then_on_and_are_applied_to_the_rest_on_request(cloud, analyzer):
    aa = cloud.client("accessanalyzer")
    queue(cloud, "one", {"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"})
    assert len(findings(cloud, analyzer)) == 1
    aa.create_archive_rule(analyzerName="outside", ruleName="known", filter={"principal.AWS": {"eq": [OTHER]}, "isPublic": {"eq": ["false"]}})
    queue(cloud, "two", {"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"})
    queue(cloud, "three", {"Principal": {"AWS": THIRD}, "Action": "sqs:SendMessage"})
    assert sorted(each["resource"][-3:] for each in findings(cloud, analyzer)) == ["one", "ree"]
    aa.apply_archive_rule(analyzerArn=analyzer, ruleName="known")
    assert [each["resource"][-5:] for each in findings(cloud, analyzer)] == ["three"]
    assert len(findings(cloud, analyzer, status="ARCHIVED")) == 2


def test_findings_are_archived_and_brought_back_by_hand(cloud, analyzer):
    aa = cloud.client("accessanalyzer")
    queue(cloud, "q", {"Principal": "*", "Action": "sqs:SendMessage"})
    [found] = findings(cloud, analyzer)
    aa.update_findings(analyzerArn=analyzer, ids=[found["id"]], status="ARCHIVED")
    assert findings(cloud, analyzer) == []
    cloud.sleep(2 * 86_400)
    assert len(findings(cloud, analyzer, status="ARCHIVED")) == 1
    aa.update_findings(analyzerArn=analyzer, resourceArn=found["resource"], status="ACTIVE")
    assert len(findings(cloud, analyzer)) == 1
    with pytest.raises(ClientError) as refused:
        aa.update_findings(analyzerArn=analyzer, ids=["nobody"], status="ARCHIVED")
    assert refused.value.response["Error"]["Code"] == "ResourceNotFoundException"


def test_asking_again_with_the_same_token_makes_nothing_twice(cloud):
    aa = cloud.client("accessanalyzer")
    asked = {"analyzerName": "a", "type": "ACCOUNT", "clientToken": "one"}
    assert aa.create_analyzer(**asked) and aa.create_analyzer(**asked)["arn"].endswith("/a")
    rule = {"analyzerName": "a", "ruleName": "r", "filter": {"resource": {"contains": ["x"]}}}
    aa.create_archive_rule(**rule, clientToken="two")
    aa.create_archive_rule(**rule, clientToken="two")
    for again in (lambda: aa.create_analyzer(**{**asked, "clientToken": "other"}), lambda: aa.create_archive_rule(**rule, clientToken="other")):
        with pytest.raises(aa.exceptions.ConflictException):
            again()


def test_rules_are_listed_changed_and_deleted(cloud, analyzer):
    aa = cloud.client("accessanalyzer")
    aa.create_archive_rule(analyzerName="outside", ruleName="r", filter={"resource": {"contains": ["dev"]}})
    with pytest.raises(aa.exceptions.ConflictException):
        aa.create_archive_rule(analyzerName="outside", ruleName="r", filter={"resource": {"contains": ["dev"]}})
    aa.update_archive_rule(analyzerName="outside", ruleName="r", filter={"error": {"exists": True}})
    assert aa.get_archive_rule(analyzerName="outside", ruleName="r")["archiveRule"]["filter"] == {"error": {"exists": True}}
    for key in ("status", "color"):
        with pytest.raises(aa.exceptions.ValidationException):
            aa.create_archive_rule(analyzerName="outside", ruleName="s", filter={key: {"eq": ["x"]}})
    aa.delete_archive_rule(analyzerName="outside", ruleName="r")
    assert aa.list_archive_rules(analyzerName="outside")["archiveRules"] == []


# The second form, events, restarts ------------------------------------------------------------------


def test_the_second_form_tells_the_same(cloud, analyzer):
    aa = cloud.client("accessanalyzer")
    queue(cloud, "q", {"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"})
    cloud.sleep(30)
    [listed] = aa.list_findings_v2(analyzerArn=analyzer)["findings"]
    assert listed["findingType"] == "ExternalAccess"
    told = aa.get_finding_v2(analyzerArn=analyzer, id=listed["id"])
    assert told["findingDetails"] == [{"externalAccessDetails": {"principal": {"AWS": OTHER}, "action": ["sqs:SendMessage"], "condition": {}, "isPublic": False, "resourceControlPolicyRestriction": "NOT_APPLICABLE"}}]
    [counted] = aa.get_findings_statistics(analyzerArn=analyzer)["findingsStatistics"]
    assert counted["externalAccessFindingsStatistics"]["totalActiveFindings"] == 1
    assert counted["externalAccessFindingsStatistics"]["resourceTypeStatistics"]["AWS::SQS::Queue"]["totalActiveCrossAccount"] == 1


def test_findings_are_events_of_the_default_bus(cloud, analyzer):
    events, sqs = cloud.client("events"), cloud.client("sqs")
    url = sqs.create_queue(QueueName="heard")["QueueUrl"]
    events.put_rule(Name="r", EventPattern=json.dumps({"source": ["aws.access-analyzer"], "detail": {"resource": [{"suffix": ":q"}]}}))
    rule = {"ArnEquals": {"aws:SourceArn": f"arn:aws:events:us-east-1:{OWN}:rule/r"}}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy({"Principal": {"Service": "events.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": "*", "Condition": rule})})
    events.put_targets(Rule="r", Targets=[{"Id": "1", "Arn": f"arn:aws:sqs:us-east-1:{OWN}:heard"}])
    queue(cloud, "q", {"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"})
    [found] = findings(cloud, analyzer)
    [message] = sqs.receive_message(QueueUrl=url, WaitTimeSeconds=5)["Messages"]
    event = json.loads(message["Body"])
    # https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-eventbridge.html
    assert (event["detail-type"], event["resources"]) == ("Access Analyzer Finding", [analyzer])
    assert {name: event["detail"][name] for name in ("id", "status", "isDeleted", "isPublic", "principal", "action", "accountId", "region", "version")} == {
        "id": found["id"], "status": "ACTIVE", "isDeleted": False, "isPublic": False, "principal": {"AWS": OTHER}, "action": ["sqs:SendMessage"],
        "accountId": OWN, "region": "us-east-1", "version": "1.0",
    }  # fmt: skip


def test_what_changed_unheard_is_found_after_a_kill(cloud, analyzer):
    queue(cloud, "before", {"Principal": "*", "Action": "sqs:SendMessage"})
    before = findings(cloud, analyzer)
    queue(cloud, "late", {"Principal": {"AWS": OTHER}, "Action": "sqs:SendMessage"})
    cloud.restart(kill=True)
    after = {each["resource"].rpartition(":")[2]: each["id"] for each in findings(cloud, analyzer)}
    assert set(after) == {"before", "late"}
    assert after["before"] == before[0]["id"]


def test_a_scan_on_request_answers_when_it_is_done(cloud, analyzer):
    aa = cloud.client("accessanalyzer")
    queue(cloud, "q", {"Principal": "*", "Action": "sqs:SendMessage"})
    aa.start_resource_scan(analyzerArn=analyzer, resourceArn=f"arn:aws:sqs:us-east-1:{OWN}:q")
    assert len(aa.list_findings(analyzerArn=analyzer)["findings"]) == 1
    with pytest.raises(aa.exceptions.ResourceNotFoundException):
        aa.start_resource_scan(analyzerArn=analyzer, resourceArn=f"arn:aws:sqs:us-east-1:{OWN}:none")


# Analyzers -----------------------------------------------------------------------------------------


def test_an_analyzer_is_made_told_tagged_and_deleted_with_its_findings(cloud):
    aa = cloud.client("accessanalyzer")
    arn = aa.create_analyzer(analyzerName="a", type="ACCOUNT", tags={"team": "red"}, archiveRules=[{"ruleName": "r", "filter": {"isPublic": {"eq": ["true"]}}}])["arn"]
    assert arn == f"arn:aws:access-analyzer:us-east-1:{OWN}:analyzer/a"
    queue(cloud, "q", {"Principal": "*", "Action": "sqs:SendMessage"})
    assert len(findings(cloud, arn, status="ARCHIVED")) == 1
    told = aa.get_analyzer(analyzerName="a")["analyzer"]
    assert (told["status"], told["type"], told["tags"]) == ("ACTIVE", "ACCOUNT", {"team": "red"})
    assert told["lastResourceAnalyzed"]
    aa.tag_resource(resourceArn=arn, tags={"cost": "1"})
    aa.untag_resource(resourceArn=arn, tagKeys=["team"])
    assert aa.list_tags_for_resource(resourceArn=arn)["tags"] == {"cost": "1"}
    for code, name, kind in (("ConflictException", "a", "ACCOUNT"), ("ServiceQuotaExceededException", "b", "ACCOUNT")):
        with pytest.raises(ClientError) as refused:
            aa.create_analyzer(analyzerName=name, type=kind)
        assert refused.value.response["Error"]["Code"] == code
    with pytest.raises(ClientError) as refused:
        aa.create_analyzer(analyzerName="o", type="ORGANIZATION_INTERNAL_ACCESS")
    assert refused.value.response["Error"]["Code"] == "NotImplemented"
    aa.delete_analyzer(analyzerName="a")
    assert aa.list_analyzers()["analyzers"] == []
    with pytest.raises(aa.exceptions.ResourceNotFoundException):
        aa.list_findings(analyzerArn=arn)


def test_an_analyzer_reads_as_its_service_linked_role_and_not_at_all_without_it(cloud, analyzer):
    iam, aa = cloud.client("iam"), cloud.client("accessanalyzer")
    cloud.sleep(30)
    attached = iam.list_attached_role_policies(RoleName="AWSServiceRoleForAccessAnalyzer")["AttachedPolicies"]
    assert [each["PolicyName"] for each in attached] == ["AccessAnalyzerServiceRolePolicy"]
    queue(cloud, "read", {"Principal": "*", "Action": "sqs:SendMessage"})
    assert findings(cloud, analyzer)
    iam.delete_service_linked_role(RoleName="AWSServiceRoleForAccessAnalyzer")
    queue(cloud, "unread", {"Principal": "*", "Action": "sqs:SendMessage"})
    assert [each["resource"][-4:] for each in findings(cloud, analyzer)] == ["read"]
    assert aa.get_analyzer(analyzerName="outside")["analyzer"]["status"] == "DISABLED"
