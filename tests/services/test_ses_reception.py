"""SES: mail that comes in, and the rules it meets. https://docs.aws.amazon.com/ses/latest/dg/receiving-email-concepts.html"""

from __future__ import annotations

import email
import json

import pytest
from refusals import refused
from route53_workshop import Names, a
from services.lambda_workshop import make
from services.mail_workshop import ANN, letter, mails, prove
from services.test_events_rules import received
from services.test_ses_events import topic

from kumoniwa.gate.address import EDGE, GLOBAL

ACCOUNT, SHOP = "000000000000", "orders@shop.example"
OPEN = {"Effect": "Allow", "Principal": {"Service": "ses.amazonaws.com"}, "Condition": {"StringEquals": {"aws:SourceAccount": ACCOUNT}}}


@pytest.fixture
def names(make_cloud) -> Names:
    """A cloud in which shop.example is proven, receives mail here, and has an active rule set ``set``."""
    names = Names(make_cloud("us-east-1", GLOBAL, EDGE))
    ses = names.cloud.client("ses")
    token = ses.verify_domain_identity(Domain="shop.example")["VerificationToken"]
    names.zone_id = names.zone()
    names.create(
        names.zone_id, a("_amazonses.shop.example", f'"{token}"', kind="TXT"),
        a("shop.example", "10 inbound-smtp.us-east-1.amazonaws.com", kind="MX"),
    )  # fmt: skip
    names.cloud.sleep(70)
    prove(names.cloud, ANN)
    ses.create_receipt_rule_set(RuleSetName="set")
    ses.set_active_receipt_rule_set(RuleSetName="set")
    return names


def rule(cloud, *actions: dict, name: str = "r", **more) -> None:
    said = {"Name": name, "Enabled": True, "Actions": list(actions), **{key: value for key, value in more.items() if key != "After"}}
    cloud.client("ses").create_receipt_rule(RuleSetName="set", Rule=said, **({"After": more["After"]} if "After" in more else {}))


def send(cloud, to: str = SHOP, text: str = "order tea") -> None:
    cloud.client("ses").send_email(Source=ANN, Destination={"ToAddresses": [to]}, Message=letter(text, "An order"))
    cloud.sleep(2)


def bucket(cloud, name: str = "mails") -> str:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket=name)
    policy = {"Version": "2012-10-17", "Statement": {**OPEN, "Action": "s3:PutObject", "Resource": f"arn:aws:s3:::{name}/*"}}
    s3.put_bucket_policy(Bucket=name, Policy=json.dumps(policy))
    return name


def kept(cloud, name: str = "mails") -> dict[str, bytes]:
    s3 = cloud.client("s3")
    keys = [each["Key"] for each in s3.list_objects_v2(Bucket=name).get("Contents", [])]
    return {key: s3.get_object(Bucket=name, Key=key)["Body"].read() for key in keys if not key.endswith("AMAZON_SES_SETUP_NOTIFICATION")}


def told(cloud, name: str = "t") -> list[dict]:
    return [json.loads(each["Body"]) for each in received(cloud, name)]


def test_a_mail_to_a_bucket_and_a_topic(names):
    cloud = names.cloud
    arn = topic(cloud)
    rule(cloud, {"AddHeaderAction": {"HeaderName": "X-Shop", "HeaderValue": "tea"}}, {"S3Action": {"BucketName": bucket(cloud), "ObjectKeyPrefix": "in/", "TopicArn": arn}})
    send(cloud)
    [(key, raw)] = kept(cloud).items()
    parsed = email.message_from_bytes(raw)
    assert (parsed["Subject"], parsed["X-Shop"]) == ("An order", "tea")
    [notice] = told(cloud)
    assert notice["notificationType"] == "Received"
    assert key == f"in/{notice['mail']['messageId']}" == notice["receipt"]["action"]["objectKey"]
    assert (notice["mail"]["source"], notice["receipt"]["recipients"]) == (ANN, [SHOP])
    assert notice["mail"]["commonHeaders"]["subject"] == "An order"
    assert notice["receipt"]["dkimVerdict"] == {"status": "PASS"}


def test_a_topic_gets_the_whole_mail(names):
    rule(names.cloud, {"SNSAction": {"TopicArn": topic(names.cloud), "Encoding": "UTF-8"}})
    send(names.cloud)
    [notice] = told(names.cloud)
    assert "order tea" in notice["content"]
    assert notice["receipt"]["action"]["type"] == "SNS"


def test_a_function_decides_whether_the_rules_go_on(names):
    cloud = names.cloud
    source = 'def handler(event, context):\n    m = event["Records"][0]["ses"]["mail"]["commonHeaders"]["subject"]\n    return {"disposition": "STOP_RULE_SET"}\n'
    make(cloud, source, name="gate")
    cloud.client("lambda").add_permission(FunctionName="gate", StatementId="s", Action="lambda:InvokeFunction", Principal="ses.amazonaws.com", SourceAccount=ACCOUNT)
    arn = f"arn:aws:lambda:us-east-1:{ACCOUNT}:function:gate"
    rule(cloud, {"LambdaAction": {"FunctionArn": arn, "InvocationType": "RequestResponse"}})
    rule(cloud, {"S3Action": {"BucketName": bucket(cloud)}}, name="later", After="r")
    send(cloud)
    assert kept(cloud) == {}
    cloud.client("ses").set_receipt_rule_position(RuleSetName="set", RuleName="later")
    send(cloud)
    assert len(kept(cloud)) == 1


def test_a_bounce_goes_back_and_ends_the_rules(names):
    cloud = names.cloud
    bounce = {"SmtpReplyCode": "550", "StatusCode": "5.1.1", "Message": "Mailbox does not exist", "Sender": "mailer@shop.example"}
    rule(cloud, {"BounceAction": bounce})
    rule(cloud, {"S3Action": {"BucketName": bucket(cloud)}}, name="later", After="r")
    send(cloud)
    assert kept(cloud) == {}
    back = mails(cloud, f"?email={ANN}")[-1]
    assert (back["Source"], back["Destination"], "550 5.1.1 Mailbox does not exist" in back["Body"]["text_part"]) == (
        "mailer@shop.example", {"ToAddresses": [ANN]}, True,
    )  # fmt: skip


@pytest.mark.parametrize(
    ("recipients", "to", "is_for"),
    [
        ([], SHOP, True), ([SHOP], SHOP, True), ([SHOP], "orders+1@shop.example", True), (["shop.example"], "ANY@Shop.example", True),
        (["other@shop.example"], SHOP, False), ([".shop.example"], SHOP, False),
    ],
)  # fmt: skip
def test_a_rule_is_for_its_recipients(names, recipients, to, is_for):
    rule(names.cloud, {"S3Action": {"BucketName": bucket(names.cloud)}}, Recipients=recipients)
    send(names.cloud, to)
    assert bool(kept(names.cloud)) == is_for


def test_a_rule_that_is_not_enabled_a_stop_and_a_set_that_is_not_active_do_nothing(names):
    cloud = names.cloud
    rule(cloud, {"S3Action": {"BucketName": bucket(cloud)}}, Enabled=False)
    send(cloud)
    cloud.client("ses").update_receipt_rule(RuleSetName="set", Rule={"Name": "r", "Enabled": True, "Actions": [{"S3Action": {"BucketName": "mails"}}]})
    rule(cloud, {"StopAction": {"Scope": "RuleSet"}}, name="stop")
    send(cloud)
    cloud.client("ses").delete_receipt_rule(RuleSetName="set", RuleName="stop")
    cloud.client("ses").set_active_receipt_rule_set()
    send(cloud)
    assert kept(cloud) == {}
    cloud.client("ses").set_active_receipt_rule_set(RuleSetName="set")
    send(cloud)
    assert len(kept(cloud)) == 1


def test_mail_goes_where_the_mx_record_says(names):
    rule(names.cloud, {"S3Action": {"BucketName": bucket(names.cloud)}})
    names.change(names.zone_id, ("UPSERT", a("shop.example", "10 mail.elsewhere.example", kind="MX")))
    send(names.cloud)
    assert kept(names.cloud) == {}


def test_mail_that_is_on_its_way_survives_a_kill(names):
    cloud = names.cloud
    rule(cloud, {"S3Action": {"BucketName": bucket(cloud)}}, {"SNSAction": {"TopicArn": topic(cloud)}})
    cloud.client("ses").send_email(Source=ANN, Destination={"ToAddresses": [SHOP]}, Message=letter())
    cloud.restart(kill=True)
    cloud.sleep(5)
    assert (len(kept(cloud)), len(told(cloud))) == (1, 1)


def test_what_an_action_names_must_be_there(cloud):
    # Texts: moto's test_create_receipt_rule_invalid_action
    ses = cloud.client("ses")
    ses.create_receipt_rule_set(RuleSetName="set")
    bucket(cloud)
    wrong = {
        ("InvalidS3Configuration", "Could not write to bucket: none"): {"S3Action": {"BucketName": "none"}},
        ("InvalidSnsTopic", f"Invalid SNS topic: arn:aws:sns:us-east-1:{ACCOUNT}:none"): {
            "S3Action": {"BucketName": "mails", "TopicArn": f"arn:aws:sns:us-east-1:{ACCOUNT}:none"}
        },
        ("InvalidLambdaFunction", "Invalid Lambda function: none"): {"LambdaAction": {"FunctionArn": "none"}},
    }
    for refusal, action in wrong.items():
        assert refused(ses.create_receipt_rule, RuleSetName="set", Rule={"Name": "r", "Actions": [action]}) == refusal
    code, _ = refused(ses.create_receipt_rule, RuleSetName="set", Rule={"Name": "r", "Actions": [{"WorkmailAction": {"OrganizationArn": "x"}}]})
    assert code == "NotImplemented"
    assert ses.describe_receipt_rule_set(RuleSetName="set")["Rules"] == []


def test_sets_and_rules_are_made_ordered_cloned_and_forgotten(cloud):
    ses = cloud.client("ses")
    ses.create_receipt_rule_set(RuleSetName="a")
    assert refused(ses.create_receipt_rule_set, RuleSetName="a") == ("AlreadyExists", "Rule set already exists: a")
    for name in ("one", "two", "three"):
        ses.create_receipt_rule(RuleSetName="a", Rule={"Name": name})
    assert refused(ses.create_receipt_rule, RuleSetName="a", Rule={"Name": "one"}) == ("AlreadyExists", "Rule already exists: one")
    assert refused(ses.create_receipt_rule, RuleSetName="a", Rule={"Name": "x"}, After="none") == ("RuleDoesNotExist", "Rule does not exist: none")

    def names(name: str = "a") -> list[str]:
        return [each["Name"] for each in ses.describe_receipt_rule_set(RuleSetName=name)["Rules"]]

    assert names() == ["three", "two", "one"]
    ses.set_receipt_rule_position(RuleSetName="a", RuleName="three", After="one")
    assert names() == ["two", "one", "three"]
    ses.reorder_receipt_rule_set(RuleSetName="a", RuleNames=["one", "two", "three"])
    ses.clone_receipt_rule_set(RuleSetName="b", OriginalRuleSetName="a")
    ses.delete_receipt_rule(RuleSetName="a", RuleName="two")
    assert (names(), names("b")) == (["one", "three"], ["one", "two", "three"])
    assert ses.describe_receipt_rule(RuleSetName="a", RuleName="one")["Rule"]["TlsPolicy"] == "Optional"
    ses.set_active_receipt_rule_set(RuleSetName="a")
    assert ses.describe_active_receipt_rule_set()["Metadata"]["Name"] == "a"
    assert refused(ses.delete_receipt_rule_set, RuleSetName="a") == ("CannotDelete", "Cannot delete active rule set: a")
    assert refused(ses.describe_receipt_rule_set, RuleSetName="c") == ("RuleSetDoesNotExist", "Rule set does not exist: c")
    ses.delete_receipt_rule_set(RuleSetName="b")
    assert [each["Name"] for each in ses.list_receipt_rule_sets()["RuleSets"]] == ["a"]
