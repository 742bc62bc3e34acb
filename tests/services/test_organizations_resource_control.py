"""Resource control policies bind whoever touches what a member account owns: strangers, services, and the account's own root.

https://docs.aws.amazon.com/organizations/latest/userguide/orgs_manage_policies_rcps.html
"""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from organization_workshop import MASTER, RCP, RESOURCE_FULL, SCP, Garden, document
from refusals import refused

from kumoniwa.gate.address import GLOBAL

STRANGER = "999999999999"


@pytest.fixture
def garden(cloud):
    return Garden(cloud, RCP)


def perimeter(garden, *actions: str) -> str:
    """Nobody but the organization's own and AWS's services."""
    own = {"StringNotEqualsIfExists": {"aws:PrincipalOrgID": garden.id}, "BoolIfExists": {"aws:PrincipalIsAWSService": "false"}}
    return document({"Sid": "Own", "Effect": "Deny", "Principal": "*", "Action": list(actions), "Resource": "*", "Condition": own})


def everybody(*actions: str, resource: str = "*") -> str:
    return document({"Sid": "All", "Effect": "Allow", "Principal": "*", "Action": list(actions), "Resource": resource})


def test_an_outsider_is_refused_by_a_bucket_whose_policy_lets_it_in(cloud, garden):
    account = garden.member()
    s3 = cloud.client("s3", key=account)
    s3.create_bucket(Bucket="plot")
    s3.put_public_access_block(Bucket="plot", PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False})
    s3.put_bucket_policy(Bucket="plot", Policy=everybody("s3:GetObject", "s3:PutObject", resource="arn:aws:s3:::plot/*"))
    s3.put_object(Bucket="plot", Key="k", Body=b"1")
    outsider = cloud.client("s3", key=STRANGER)
    assert outsider.get_object(Bucket="plot", Key="k")["Body"].read() == b"1"
    assert cloud.http("GET", "/plot/k")[0] == 200
    garden.policy(perimeter(garden, "s3:*"), garden.root, kind=RCP)
    assert refused(outsider.get_object, Bucket="plot", Key="k") == ("AccessDenied", "Access Denied")
    assert cloud.http("GET", "/plot/k")[0] == 403
    assert s3.get_object(Bucket="plot", Key="k")["Body"].read() == b"1"
    assert cloud.client("s3", key=MASTER).get_object(Bucket="plot", Key="k")["Body"].read() == b"1"
    other = garden.member()
    assert cloud.client("s3", key=other).get_object(Bucket="plot", Key="k")["Body"].read() == b"1"


def test_a_website_is_closed_to_the_world(cloud, garden):
    account = garden.member()
    s3 = cloud.client("s3", key=account)
    s3.create_bucket(Bucket="plot")
    s3.put_bucket_website(Bucket="plot", WebsiteConfiguration={"IndexDocument": {"Suffix": "index.html"}})
    s3.put_public_access_block(Bucket="plot", PublicAccessBlockConfiguration={"BlockPublicPolicy": False, "RestrictPublicBuckets": False})
    s3.put_bucket_policy(Bucket="plot", Policy=everybody("s3:GetObject", resource="arn:aws:s3:::plot/*"))
    s3.put_object(Bucket="plot", Key="index.html", Body=b"<p>hello</p>")
    host = "plot.s3-website-us-east-1.amazonaws.com"
    assert cloud.http("GET", "/", host=host)[0] == 200
    garden.policy(perimeter(garden, "s3:GetObject"), garden.root, kind=RCP)
    assert cloud.http("GET", "/", host=host)[0] == 403


def test_a_function_may_be_open_to_an_organization(cloud, garden):
    """A permission with PrincipalOrgID: https://docs.aws.amazon.com/lambda/latest/dg/permissions-function-organization.html"""
    account, other = garden.member(), garden.member()
    functions = cloud.client("lambda", key=account)
    trust = document({"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = cloud.client("iam", key=account).create_role(RoleName="runner", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as code:
        code.writestr("f.py", "def handler(event, context): return 1")
    made = functions.create_function(FunctionName="f", Runtime="python3.12", Handler="f.handler", Role=role, Code={"ZipFile": archive.getvalue()})
    functions.add_permission(FunctionName="f", StatementId="own", Action="lambda:GetFunction", Principal="*", PrincipalOrgID=garden.id)
    look = {number: cloud.client("lambda", key=number).get_function for number in (other, MASTER, STRANGER)}
    assert all(look[number](FunctionName=made["FunctionArn"])["Configuration"] for number in (other, MASTER))
    assert refused(look[STRANGER], FunctionName=made["FunctionArn"])[0] == "AccessDeniedException"


def test_a_key_of_kms_refuses_the_outsider_that_its_policy_names(cloud, garden):
    account = garden.member()
    kms = cloud.client("kms", key=account)
    policy = document(
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{account}:root"}, "Action": "kms:*", "Resource": "*"},
        {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{STRANGER}:root"}, "Action": "kms:Encrypt", "Resource": "*"},
    )
    arn = kms.create_key(Policy=policy)["KeyMetadata"]["Arn"]
    encrypt = cloud.client("kms", key=STRANGER).encrypt
    assert encrypt(KeyId=arn, Plaintext=b"1")["CiphertextBlob"]
    garden.policy(perimeter(garden, "kms:*"), account, kind=RCP)
    code, text = refused(encrypt, KeyId=arn, Plaintext=b"1")
    assert code == "AccessDeniedException"
    assert text == (
        f"User: arn:aws:iam::{STRANGER}:root is not authorized to perform: kms:Encrypt on resource: {arn} "
        "with an explicit deny in a resource control policy"
    )
    assert kms.encrypt(KeyId=arn, Plaintext=b"1")["CiphertextBlob"]


@pytest.mark.parametrize(("service", "action"), [("sqs", "sqs:*"), ("secretsmanager", "secretsmanager:*"), ("dynamodb", "dynamodb:*")])
def test_the_account_s_own_root_is_bound_by_what_hangs_above_its_resources(cloud, garden, service, action):
    account = garden.member()
    garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": action, "Resource": "*"}), garden.root, kind=RCP)
    ask = {
        "sqs": (cloud.client("sqs", key=account).create_queue, {"QueueName": "q"}),
        "secretsmanager": (cloud.client("secretsmanager", key=account).create_secret, {"Name": "s", "SecretString": "x"}),
        "dynamodb": (cloud.client("dynamodb", key=account).describe_table, {"TableName": "table"}),
    }[service]
    code, text = refused(ask[0], **ask[1])
    assert code == "AccessDeniedException" and text.endswith("with an explicit deny in a resource control policy")


def test_a_service_without_resource_control_policies_is_not_concerned(cloud, garden):
    """SNS is not on AWS's list; that such a policy names it changes nothing."""
    account = garden.member()
    garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": ["sns:*", "sqs:*"], "Resource": "*"}), account, kind=RCP)
    assert cloud.client("sns", key=account).create_topic(Name="t")["TopicArn"]
    assert refused(cloud.client("sqs", key=account).create_queue, QueueName="q")[0] == "AccessDeniedException"


def test_what_the_management_account_owns_is_free(cloud, garden):
    garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}), garden.root, kind=RCP)
    assert cloud.client("sqs", key=MASTER).create_queue(QueueName="q")["QueueUrl"]


def test_a_role_is_not_assumed_from_outside_the_organization(cloud, garden):
    account = garden.member()
    trust = document({"Effect": "Allow", "Principal": {"AWS": [STRANGER, MASTER]}, "Action": "sts:AssumeRole"})
    role = cloud.client("iam", key=account).create_role(RoleName="open", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    assume = {"RoleArn": role, "RoleSessionName": "visit"}
    assert cloud.client("sts", key=STRANGER).assume_role(**assume)["Credentials"]
    garden.policy(perimeter(garden, "sts:AssumeRole"), garden.root, kind=RCP)
    code, text = refused(cloud.client("sts", key=STRANGER).assume_role, **assume)
    assert code == "AccessDenied" and text.endswith("with an explicit deny in a resource control policy")
    assert cloud.client("sts", key=MASTER).assume_role(**assume)["Credentials"]


def test_services_are_bound_where_the_policy_does_not_spare_them(cloud, garden):
    """A topic writes to a queue as sns.amazonaws.com, which is a principal as any other."""
    account = garden.member()
    sqs, sns = cloud.client("sqs", key=account), cloud.client("sns", key=account)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{account}:q"
    may = document({"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn})
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": may})
    topic = sns.create_topic(Name="t")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    sns.publish(TopicArn=topic, Message="one")
    cloud.sleep(1)
    spared = garden.policy(perimeter(garden, "sqs:*"), account, kind=RCP)
    sns.publish(TopicArn=topic, Message="two")
    cloud.sleep(1)
    garden.api.detach_policy(PolicyId=spared, TargetId=account)
    services = {"Bool": {"aws:PrincipalIsAWSService": "true"}}
    shut = {"Effect": "Deny", "Principal": "*", "Action": "sqs:SendMessage", "Resource": "*", "Condition": services}
    garden.policy(document(shut), account, kind=RCP)
    sns.publish(TopicArn=topic, Message="three")
    cloud.sleep(5)
    found = [json.loads(each["Body"])["Message"] for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert sorted(found) == ["one", "two"]


def test_a_role_that_a_service_assumes_is_bound_and_a_service_linked_one_is_not(cloud, garden):
    account = garden.member()
    iam = cloud.client("iam", key=account)
    trust = document({"Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Action": "sts:AssumeRole"})
    role = iam.create_role(RoleName="bus", AssumeRolePolicyDocument=trust)["Role"]["Arn"]
    linked = iam.create_service_linked_role(AWSServiceName="dynamodb.application-autoscaling.amazonaws.com")["Role"]["Arn"]
    region = cloud.region()
    assert region.assume(role, "events.amazonaws.com", "s", account)
    garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": "sts:AssumeRole", "Resource": "*"}), account, kind=RCP)
    with pytest.raises(Exception, match="with an explicit deny in a resource control policy"):
        region.assume(role, "events.amazonaws.com", "s", account)
    assert region.assume(linked, "dynamodb.application-autoscaling.amazonaws.com", "s", account)


def test_keys_that_aws_manages_are_not_restricted(cloud, garden):
    """https://docs.aws.amazon.com/kms/latest/developerguide/resource-control-policies.html"""
    account = garden.member()
    s3, kms = cloud.client("s3", key=account), cloud.client("kms", key=account)
    s3.create_bucket(Bucket="plot")
    s3.put_object(Bucket="plot", Key="k", Body=b"1", ServerSideEncryption="aws:kms")
    own = kms.create_key()["KeyMetadata"]["KeyId"]
    garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": "kms:*", "Resource": "*"}), account, kind=RCP)
    assert kms.describe_key(KeyId="alias/aws/s3")["KeyMetadata"]["KeyManager"] == "AWS"
    assert s3.get_object(Bucket="plot", Key="k")["Body"].read() == b"1"
    assert refused(kms.describe_key, KeyId=own)[1].endswith("with an explicit deny in a resource control policy")


def test_resource_control_policies_of_each_level_count_and_both_kinds_at_once(cloud, garden):
    garden.api.enable_policy_type(RootId=garden.root, PolicyType=SCP)
    unit = garden.unit("outer")
    account = garden.member(parent=unit)
    sqs = cloud.client("sqs", key=account)
    hung = garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": "sqs:ListQueues", "Resource": "*"}), unit, kind=RCP)
    garden.policy(document({"Effect": "Deny", "Action": "sqs:CreateQueue", "Resource": "*"}), garden.root)
    assert refused(sqs.list_queues)[1].endswith("in a resource control policy")
    assert refused(sqs.create_queue, QueueName="q")[1].endswith("in a service control policy")
    garden.api.detach_policy(PolicyId=hung, TargetId=unit)
    assert "QueueUrls" not in sqs.list_queues()


def test_conditions_know_the_organization_and_path_of_caller_and_resource(cloud, garden):
    unit = garden.unit("outer")
    account, other = garden.member(parent=unit), garden.member()
    sqs = cloud.client("sqs", key=account)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    path = f"{garden.id}/{garden.root}/{unit}/"

    def only(**condition):
        said = {"Effect": "Allow", "Principal": "*", "Action": "sqs:GetQueueUrl", "Resource": "*", "Condition": condition}
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(said)})
        ask = {"QueueName": "q", "QueueOwnerAWSAccountId": account}
        may = []
        for name, number in (("member", other), ("master", MASTER), ("stranger", STRANGER)):
            try:
                may += [name] if cloud.client("sqs", key=number).get_queue_url(**ask) else []
            except cloud.client("sqs").exceptions.ClientError as error:
                assert error.response["Error"]["Code"] == "AccessDeniedException"
        return may

    assert only(StringEquals={"aws:PrincipalOrgID": garden.id}) == ["member", "master"]
    assert only(StringEquals={"aws:PrincipalOrgID": "o-elsewhere1"}) == []
    assert only(**{"ForAnyValue:StringLike": {"aws:PrincipalOrgPaths": f"{garden.id}/{garden.root}/*"}}) == ["member", "master"]
    assert only(**{"ForAnyValue:StringEquals": {"aws:PrincipalOrgPaths": path}}) == []
    assert only(StringEquals={"aws:ResourceOrgID": garden.id}) == ["member", "master", "stranger"]
    assert only(**{"ForAnyValue:StringEquals": {"aws:ResourceOrgPaths": path}}) == ["member", "master", "stranger"]
    assert only(StringEquals={"aws:ResourceAccount": account}) == ["member", "master", "stranger"]
    assert only(StringEquals={"aws:ResourceAccount": other}) == []


def test_a_service_that_asks_for_a_member_is_known_by_that_member_s_organization(cloud, garden):
    account = garden.member()
    sqs, sns = cloud.client("sqs", key=account), cloud.client("sns", key=STRANGER)
    url = sqs.create_queue(QueueName="q")["QueueUrl"]
    arn = f"arn:aws:sqs:us-east-1:{account}:q"
    of_us = {"StringEquals": {"aws:SourceOrgID": garden.id}}
    may = {"Effect": "Allow", "Principal": {"Service": "sns.amazonaws.com"}, "Action": "sqs:SendMessage", "Resource": arn, "Condition": of_us}
    mine = {"Effect": "Allow", "Principal": {"AWS": STRANGER}, "Action": "sqs:*", "Resource": arn}
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": document(may, mine)})
    own = cloud.client("sns", key=account)
    topics = {own: own.create_topic(Name="own")["TopicArn"], sns: sns.create_topic(Name="foreign")["TopicArn"]}
    own.subscribe(TopicArn=topics[own], Protocol="sqs", Endpoint=arn)
    sns.subscribe(TopicArn=topics[sns], Protocol="sqs", Endpoint=arn)
    for client, topic in topics.items():
        client.publish(TopicArn=topic, Message="own" if client is own else "foreign")
    cloud.sleep(5)
    bodies = [json.loads(each["Body"]) for each in sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)["Messages"]]
    assert [body["Message"] for body in bodies if body["Type"] == "Notification"] == ["own"]


def test_aws_s_own_resource_control_policy_stays_where_it_is(cloud, garden):
    account = garden.member()
    code, _ = refused(garden.api.detach_policy, PolicyId=RESOURCE_FULL, TargetId=account)
    assert code == "InvalidInputException"


def test_regions_hold_to_them_while_the_control_plane_is_down(cloud, garden):
    account = garden.member()
    garden.policy(document({"Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*"}), account, kind=RCP)
    cloud.kill(GLOBAL)
    cloud.restart("us-east-1", kill=True)
    assert refused(cloud.client("sqs", key=account).list_queues)[0] == "AccessDeniedException"
