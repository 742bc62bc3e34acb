"""Systems Manager: documents, and automations that really do what stands in them.

https://docs.aws.amazon.com/systems-manager/latest/userguide/automation-actions.html
"""

from __future__ import annotations

import json

import pytest
import yaml
from lambda_workshop import allowing, make, put_role, put_user
from notice_workshop import received
from refusals import refused
from secret_workshop import is_on_disk

ACCOUNT = "000000000000"
DAY = 86_400
TRUST = json.dumps({"Statement": {"Effect": "Allow", "Principal": {"Service": "ssm.amazonaws.com"}, "Action": "sts:AssumeRole"}})
ROLE = f"arn:aws:iam::{ACCOUNT}:role/automation"


def body(*steps: dict, **more) -> str:
    return json.dumps({"schemaVersion": "0.3", "mainSteps": list(steps), **more})


def api(name: str, service: str, operation: str, outputs: dict | None = None, **inputs) -> dict:
    """A step that makes a call, with outputs as ``{name: selector}``."""
    own = {key: inputs.pop(key) for key in ("onFailure", "isCritical", "maxAttempts", "nextStep", "isEnd", "timeoutSeconds") if key in inputs}
    listed = [{"Name": each, "Selector": selector, "Type": "String"} for each, selector in (outputs or {}).items()]
    return {"name": name, "action": "aws:executeAwsApi", "inputs": {"Service": service, "Api": operation, **inputs}, "outputs": listed, **own}


class Runbooks:
    def __init__(self, cloud) -> None:
        self.cloud, self.ssm, self.sqs = cloud, cloud.client("ssm"), cloud.client("sqs")

    def make(self, content: str, name: str = "book", form: str = "JSON", **more) -> dict:
        return self.ssm.create_document(Name=name, Content=content, DocumentType="Automation", DocumentFormat=form, **more)["DocumentDescription"]

    def start(self, *steps: dict, name: str = "book", parameters: dict | None = None, client=None, **document) -> str:
        if steps:
            self.make(body(*steps, **document), name)
        given = {"Parameters": parameters} if parameters else {}
        id_ = (client or self.ssm).start_automation_execution(DocumentName=name, **given)["AutomationExecutionId"]
        self.cloud.sleep(1)
        return id_

    def shown(self, id_: str) -> dict:
        return self.ssm.get_automation_execution(AutomationExecutionId=id_)["AutomationExecution"]

    def status(self, id_: str) -> str:
        return self.shown(id_)["AutomationExecutionStatus"]

    def steps(self, id_: str) -> dict[str, str]:
        return {each["StepName"]: each["StepStatus"] for each in self.shown(id_)["StepExecutions"]}

    def queues(self) -> list[str]:
        return [url.rpartition("/")[2] for url in self.sqs.list_queues().get("QueueUrls", [])]


@pytest.fixture
def books(cloud):
    return Runbooks(cloud)


# Documents -----------------------------------------------------------------------------------------

SLEEP = {"name": "rest", "action": "aws:sleep", "inputs": {"Duration": "PT10M"}}


def test_a_document_has_versions_of_which_one_counts(books):
    text = yaml.safe_dump({"schemaVersion": "0.3", "description": "d", "parameters": {"Q": {"type": "String", "default": "x"}}, "mainSteps": [SLEEP]})
    made = books.make(text, form="YAML", Tags=[{"Key": "a", "Value": "b"}])
    assert (made["Status"], made["DocumentVersion"], made["LatestVersion"], made["DefaultVersion"]) == ("Creating", "1", "1", "1")
    assert made["Parameters"] == [{"Name": "Q", "Type": "String", "Description": "", "DefaultValue": "x"}]
    ssm = books.ssm
    assert ssm.get_document(Name="book")["DocumentFormat"] == "JSON"
    assert json.loads(ssm.get_document(Name="book")["Content"])["description"] == "d"
    assert ssm.get_document(Name="book", DocumentFormat="YAML")["Content"] == text
    second = ssm.update_document(Name="book", Content=text.replace("PT10M", "PT1M"), DocumentFormat="YAML", DocumentVersion="$LATEST", VersionName="faster")
    assert (second["DocumentDescription"]["DocumentVersion"], second["DocumentDescription"]["DefaultVersion"]) == ("2", "1")
    assert ssm.describe_document(Name="book")["Document"]["DocumentVersion"] == "1"
    assert "PT1M" in ssm.get_document(Name="book", VersionName="faster")["Content"]
    ssm.update_document_default_version(Name="book", DocumentVersion="2")
    listed = ssm.list_document_versions(Name="book")["DocumentVersions"]
    assert [(each["DocumentVersion"], each["IsDefaultVersion"]) for each in listed] == [("2", True), ("1", False)]
    assert [each["Name"] for each in ssm.list_documents(Filters=[{"Key": "Owner", "Values": ["Self"]}])["DocumentIdentifiers"]] == ["book"]
    assert ssm.list_tags_for_resource(ResourceType="Document", ResourceId="book")["TagList"] == [{"Key": "a", "Value": "b"}]
    ssm.delete_document(Name="book", DocumentVersion="1")
    assert refused(ssm.get_document, Name="book", DocumentVersion="1")[0] == "InvalidDocumentVersion"
    ssm.delete_document(Name="book")
    assert refused(ssm.get_document, Name="book") == ("InvalidDocument", "The specified document does not exist.")


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "InvalidDocumentContent"),
        ('{"schemaVersion": "9.9", "mainSteps": []}', "InvalidDocumentSchemaVersion"),
        (body(), "InvalidDocumentContent"),
        (body(SLEEP, SLEEP), "InvalidDocumentContent"),
        (body({**SLEEP, "action": "aws:dance"}), "InvalidDocumentContent"),
        (body({**SLEEP, "nextStep": "nowhere"}), "InvalidDocumentContent"),
        (body({**SLEEP, "inputs": {}}), "InvalidDocumentContent"),
        (body({**SLEEP, "inputs": {"Duration": "{{ Unknown }}"}}), "InvalidDocumentContent"),
        (body({**SLEEP, "action": "aws:changeInstanceState"}), "NotImplemented"),
        (body({"name": "run", "action": "aws:executeScript", "inputs": {"Runtime": "PowerShell 7.0", "Script": "x"}}), "NotImplemented"),
        (body({**SLEEP, "mood": "good"}), "InvalidDocumentContent"),
        ("a" * 70_000, "MaxDocumentSizeExceeded"),
    ],
)
def test_what_is_no_document_is_refused(books, content, code):
    assert refused(books.ssm.create_document, Name="book", Content=content, DocumentType="Automation")[0] == code


def test_a_document_is_shared_with_nobody(books):
    books.make(body(SLEEP))
    shared = books.ssm.describe_document_permission(Name="book", PermissionType="Share")
    assert (shared["AccountIds"], shared["AccountSharingInfoList"]) == ([], [])
    assert refused(books.ssm.describe_document_permission, Name="none", PermissionType="Share")[0] == "InvalidDocument"
    assert refused(books.ssm.modify_document_permission, Name="book", PermissionType="Share", AccountIdsToAdd=["111111111111"])[0] == "NotImplemented"


def test_documents_are_refused_in_words(books):
    books.make(body(SLEEP))
    ssm = books.ssm
    assert refused(books.make, content=body(SLEEP)) == ("DocumentAlreadyExists", "The specified document already exists.")
    assert refused(ssm.update_document, Name="book", Content=body(SLEEP), DocumentVersion="$LATEST")[0] == "DuplicateDocumentContent"
    assert refused(ssm.update_document, Name="book", Content=body(SLEEP), DocumentVersion="7")[0] == "InvalidDocumentVersion"
    assert refused(ssm.delete_document, Name="book", DocumentVersion="1") == (
        "InvalidDocumentOperation", "Default version of the document can't be deleted.",
    )  # fmt: skip
    assert refused(ssm.get_document, Name="AWS-ConfigureAWSPackage")[0] == "NotImplemented"
    assert refused(books.make, content=body(SLEEP), name="aws-mine")[0] == "ValidationException"
    assert refused(ssm.start_session, Target="i-0123456789abcdef0")[0] == "NotImplemented"
    assert refused(ssm.start_automation_execution, DocumentName="none")[0] == "AutomationDefinitionNotFoundException"
    assert refused(ssm.start_automation_execution, DocumentName="book", DocumentVersion="9")[0] == "AutomationDefinitionVersionNotFoundException"


# Running -------------------------------------------------------------------------------------------


def test_steps_call_aws_and_hand_on_what_they_found(books):
    books.make(
        body(
            api("make", "sqs", "CreateQueue", {"Url": "$.QueueUrl"}, QueueName="{{ Name }}", Attributes={"DelaySeconds": "{{ Delay }}"}),
            api("look", "sqs", "GetQueueAttributes", {"Delay": "$.Attributes.DelaySeconds"}, QueueUrl="{{ make.Url }}", AttributeNames=["All"]),
            {"name": "right", "action": "aws:assertAwsResourceProperty", "inputs": {"Service": "sqs", "Api": "GetQueueAttributes",
                "QueueUrl": "{{make.Url}}", "AttributeNames": ["All"], "PropertySelector": "$.Attributes.DelaySeconds", "DesiredValues": ["7"]}},
            api("item", "dynamodb", "CreateTable", TableName="table{{ Delay }}", BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "k", "KeyType": "HASH"}], AttributeDefinitions=[{"AttributeName": "k", "AttributeType": "S"}]),
            parameters={"Name": {"type": "String"}, "Delay": {"type": "String", "default": "0"}}, outputs=["look.Delay", "make.Url"],
        )
    )  # fmt: skip
    id_ = books.start(parameters={"Name": ["made"], "Delay": ["7"]})
    shown = books.shown(id_)
    assert shown["AutomationExecutionStatus"] == "Success", shown.get("FailureMessage")
    assert books.queues() == ["made"] and books.cloud.client("dynamodb").list_tables()["TableNames"] == ["table7"]
    assert shown["Outputs"]["look.Delay"] == ["7"] and shown["Outputs"]["make.Url"][0].endswith("/made")
    assert shown["StepExecutions"][0]["Inputs"]["QueueName"] == "made" and shown["ExecutedBy"] == f"arn:aws:iam::{ACCOUNT}:root"
    id_ = books.start(parameters={"Name": ["other"], "Delay": ["8"]})
    assert "The property is 8, and none of 7." in books.shown(id_)["FailureMessage"]
    assert refused(books.ssm.start_automation_execution, DocumentName="book")[0] == "InvalidAutomationExecutionParametersException"


def test_a_second_version_runs_and_the_first_stays_callable(books):
    """Procedures are refined, and the old ones stay."""
    books.make(body(api("make", "sqs", "CreateQueue", QueueName="old")))
    books.ssm.update_document(Name="book", Content=body(api("make", "sqs", "CreateQueue", QueueName="new")), DocumentVersion="$LATEST")
    books.ssm.start_automation_execution(DocumentName="book", DocumentVersion="2")
    books.cloud.sleep(1)
    assert books.queues() == ["new"]
    books.ssm.start_automation_execution(DocumentName="book")
    books.cloud.sleep(1)
    assert sorted(books.queues()) == ["new", "old"]


def test_branches_choose(books):
    choices = [
        {"NextStep": "big", "Variable": "{{ Size }}", "NumericGreater": 10},
        {"NextStep": "named", "And": [{"Variable": "{{ Word }}", "StartsWith": "a"}, {"Not": {"Variable": "{{ Word }}", "Contains": "z"}}]},
    ]
    books.make(
        body(
            {"name": "choose", "action": "aws:branch", "inputs": {"Choices": choices, "Default": "other"}},
            *({**api(name, "sqs", "CreateQueue", QueueName=name), "isEnd": True} for name in ("big", "named", "other")),
            parameters={"Size": {"type": "Integer", "default": 1}, "Word": {"type": "String", "default": "b"}},
        )
    )
    for said, taken in (({"Size": ["11"]}, "big"), ({"Word": ["abc"]}, "named"), ({"Word": ["az"]}, "other")):
        id_ = books.start(parameters=said)
        assert books.status(id_) == "Success" and books.steps(id_)[taken] == "Success"
        assert [name for name, status in books.steps(id_).items() if status == "Pending"] == sorted({"big", "named", "other"} - {taken})
        books.sqs.delete_queue(QueueUrl=books.sqs.get_queue_url(QueueName=taken)["QueueUrl"])


def test_sleep_and_waiting_for_a_property_last_as_long_as_they_must(books):
    wait = {"name": "wait", "action": "aws:waitForAwsResourceProperty", "timeoutSeconds": 7200, "inputs": {
        "Service": "ssm", "Api": "GetParameter", "Name": "flag", "PropertySelector": "$.Parameter.Value", "DesiredValues": ["up"]}}  # fmt: skip
    id_ = books.start(SLEEP, wait)
    assert (books.status(id_), books.shown(id_)["CurrentStepName"]) == ("InProgress", "rest")
    books.cloud.sleep(590)
    assert books.steps(id_)["rest"] == "InProgress"
    books.cloud.sleep(20)
    assert books.steps(id_) == {"rest": "Success", "wait": "InProgress"}
    books.ssm.put_parameter(Name="flag", Value="down", Type="String")
    books.cloud.sleep(60)
    books.ssm.put_parameter(Name="flag", Value="up", Type="String", Overwrite=True)
    books.cloud.sleep(30)
    assert books.status(id_) == "Success"


def test_a_wait_that_is_too_long_times_out(books):
    wait = {"name": "wait", "action": "aws:waitForAwsResourceProperty", "timeoutSeconds": 60, "inputs": {
        "Service": "ssm", "Api": "GetParameter", "Name": "flag", "PropertySelector": "$.Parameter.Value", "DesiredValues": ["up"]}}  # fmt: skip
    id_ = books.start(wait)
    books.cloud.sleep(90)
    shown = books.shown(id_)
    assert shown["AutomationExecutionStatus"] == "TimedOut" and "did not end within its time" in shown["FailureMessage"]


def test_a_step_that_fails_is_tried_again_and_then_decides_what_follows(books):
    fails = api("gone", "sqs", "GetQueueUrl", QueueName="none", maxAttempts=3)
    id_ = books.start(fails, api("after", "sqs", "CreateQueue", QueueName="after"))
    shown = books.shown(id_)
    assert shown["AutomationExecutionStatus"] == "Failed" and books.steps(id_) == {"gone": "Failed", "after": "Pending"}
    assert "An error occurred (QueueDoesNotExist) when calling the GetQueueUrl operation" in shown["FailureMessage"]
    on = {**fails, "onFailure": "Continue"}
    id_ = books.start(on, api("after", "sqs", "CreateQueue", QueueName="after"), name="critical")
    assert books.status(id_) == "Failed" and books.steps(id_) == {"gone": "Failed", "after": "Success"}
    id_ = books.start({**on, "isCritical": False}, api("after", "sqs", "CreateQueue", QueueName="after"), name="careless")
    assert books.status(id_) == "Success"
    id_ = books.start({**fails, "onFailure": "step:rescue", "isCritical": False}, api("usual", "sqs", "CreateQueue", QueueName="usual", isEnd=True),
                      api("rescue", "sqs", "CreateQueue", QueueName="rescue"), name="rescued")  # fmt: skip
    assert books.status(id_) == "Success" and "rescue" in books.queues() and "usual" not in books.queues()


def test_an_approver_decides(cloud, books):
    topic = cloud.client("sns").create_topic(Name="t")["TopicArn"]
    url = books.sqs.create_queue(QueueName="asked")["QueueUrl"]
    arn = books.sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    books.sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": allowing("sqs:SendMessage").replace('"Effect"', '"Principal": "*", "Effect"')})
    cloud.client("sns").subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    put_user(cloud, "boss", "AKIABOSS00000000", "ssm:SendAutomationSignal")
    put_user(cloud, "clerk", "AKIACLERK0000000", "ssm:SendAutomationSignal")
    boss, clerk = (cloud.client("ssm", key=key, secret="secret") for key in ("AKIABOSS00000000", "AKIACLERK0000000"))
    ask = {"name": "ask", "action": "aws:approve", "onFailure": "Abort", "inputs": {
        "NotificationArn": topic, "Message": "May we?", "MinRequiredApprovals": 1, "Approvers": [f"arn:aws:iam::{ACCOUNT}:user/boss"]}}  # fmt: skip
    books.make(body(ask, api("done", "sqs", "CreateQueue", QueueName="done")))
    first, second = books.start(), books.start()
    assert books.status(first) == "Waiting"
    assert sum("May we?" in each["Body"] for each in received(cloud, url)) == 2
    assert refused(clerk.send_automation_signal, AutomationExecutionId=first, SignalType="Approve")[0] == "InvalidAutomationSignalException"
    cloud.restart(kill=True)
    boss.send_automation_signal(AutomationExecutionId=first, SignalType="Approve", Payload={"Comment": ["fine"]})
    boss.send_automation_signal(AutomationExecutionId=second, SignalType="Reject")
    cloud.sleep(1)
    assert (books.status(first), books.status(second)) == ("Success", "Failed") and "done" in books.queues()
    outputs = books.shown(first)["StepExecutions"][0]["Outputs"]
    assert outputs["ApprovalStatus"] == ["Approved"] and json.loads(outputs["ApproverDecisions"][0])["Comment"] == "fine"
    assert received(cloud, url) == []
    assert refused(boss.send_automation_signal, AutomationExecutionId=first, SignalType="Approve")[0] == "InvalidAutomationSignalException"


def test_a_pause_ends_when_somebody_says_so(books):
    id_ = books.start({"name": "hold", "action": "aws:pause", "inputs": {}}, api("make", "sqs", "CreateQueue", QueueName="q"))
    books.cloud.sleep(DAY)
    assert books.status(id_) == "Waiting" and books.queues() == []
    books.ssm.send_automation_signal(AutomationExecutionId=id_, SignalType="Resume")
    books.cloud.sleep(1)
    assert books.status(id_) == "Success" and books.queues() == ["q"]


def test_scripts_run_in_python(books):
    script = "def handler(events, context):\n    print('seen')\n    return {'sum': sum(events['numbers']), 'ok': True}"
    run = {
        "name": "count", "action": "aws:executeScript", "inputs": {"Runtime": "python3.11", "Handler": "handler", "Script": script,
            "InputPayload": {"numbers": [1, 2, "{{ Third }}"]}},
        "outputs": [{"Name": "Sum", "Selector": "$.Payload.sum", "Type": "Integer"}],
    }  # fmt: skip
    books.make(body(run, parameters={"Third": {"type": "Integer"}}, outputs=["count.Sum"]))
    id_ = books.start(parameters={"Third": ["39"]})
    assert books.status(id_) == "Success" and books.shown(id_)["Outputs"] == {"count.Sum": ["42"]}
    bad = {**run, "inputs": {**run["inputs"], "Script": "def handler(e, c):\n    raise ValueError('broken here')", "InputPayload": {}}}
    id_ = books.start(bad, name="bad")
    assert books.status(id_) == "Failed" and "ValueError: broken here" in books.shown(id_)["FailureMessage"]
    slow = {**bad, "timeoutSeconds": 1, "inputs": {**bad["inputs"], "Script": "import threading\ndef handler(e, c):\n    threading.Event().wait(60)"}}
    id_ = books.start(slow, name="slow")
    books.cloud.sleep(5)
    assert books.status(id_) in ("TimedOut", "Failed")


def test_functions_machines_and_other_automations_are_run(cloud, books):
    make(cloud, "def handler(event, context): return {'twice': event['n'] * 2}", name="double")
    put_role(cloud, "sqs:*", trust=TRUST.replace("ssm", "states"), arn=f"arn:aws:iam::{ACCOUNT}:role/machine")
    machine = cloud.client("stepfunctions").create_state_machine(
        name="m", roleArn=f"arn:aws:iam::{ACCOUNT}:role/machine", definition='{"StartAt": "a", "States": {"a": {"Type": "Pass", "End": true}}}'
    )["stateMachineArn"]
    books.make(body(api("make", "sqs", "CreateQueue", {"Url": "$.QueueUrl"}, QueueName="child"), outputs=["make.Url"]), "child")
    id_ = books.start(
        {"name": "call", "action": "aws:invokeLambdaFunction", "inputs": {"FunctionName": "double", "InputPayload": {"n": 21}}},
        {"name": "walk", "action": "aws:executeStateMachine", "inputs": {"stateMachineArn": machine, "input": "{}"}},
        {"name": "delegate", "action": "aws:executeAutomation", "inputs": {"DocumentName": "child"}},
        outputs=["call.Payload", "walk.executionArn", "delegate.Output"],
    )
    cloud.sleep(5)
    shown = books.shown(id_)
    assert shown["AutomationExecutionStatus"] == "Success", shown.get("FailureMessage")
    assert json.loads(shown["Outputs"]["call.Payload"][0]) == {"twice": 42}
    assert shown["Outputs"]["walk.executionArn"][0].startswith("arn:aws:states:") and shown["Outputs"]["delegate.Output"][0].endswith("/child")
    child = books.ssm.describe_automation_executions(Filters=[{"Key": "ParentExecutionId", "Values": [id_]}])["AutomationExecutionMetadataList"]
    assert [each["DocumentName"] for each in child] == ["child"]


def test_stacks_are_made_and_deleted(cloud, books):
    template = json.dumps({"Resources": {"Q": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "of-stack"}}}})
    books.make(body({"name": "make", "action": "aws:createStack", "inputs": {"StackName": "s", "TemplateBody": template}}), "make")
    books.make(body({"name": "drop", "action": "aws:deleteStack", "inputs": {"StackName": "s"}}), "drop")
    id_ = books.start(name="make")
    cloud.sleep(120)
    assert books.status(id_) == "Success" and books.queues() == ["of-stack"]
    assert books.shown(id_)["StepExecutions"][0]["Outputs"]["StackStatus"] == ["CREATE_COMPLETE"]
    id_ = books.start(name="drop")
    cloud.sleep(120)
    assert books.status(id_) == "Success" and books.queues() == []


def test_a_killed_region_goes_on_where_it_was_and_does_nothing_twice(cloud, books):
    books.ssm.put_parameter(Name="count", Value="0", Type="String")
    put = api("put", "ssm", "PutParameter", Name="count", Value="1", Overwrite=True)
    id_ = books.start(put, SLEEP, api("make", "sqs", "CreateQueue", QueueName="late"))
    cloud.sleep(100)
    cloud.restart(kill=True)
    cloud.sleep(100)
    cloud.restart(kill=True)
    assert books.steps(id_) == {"put": "Success", "rest": "InProgress", "make": "Pending"}
    cloud.sleep(450)
    assert books.status(id_) == "Success" and books.queues() == ["late"]
    assert books.ssm.get_parameter(Name="count")["Parameter"]["Version"] == 2


def test_a_secret_that_a_step_reads_is_kept_only_by_those_who_select_it(cloud, books):
    cloud.client("secretsmanager").create_secret(Name="s", SecretString='{"user": "somebody", "word": "hunter2-in-clear"}')
    id_ = books.start(api("read", "secretsmanager", "GetSecretValue", {"Name": "$.Name"}, SecretId="s"), outputs=["read.Name"])
    assert books.shown(id_)["Outputs"] == {"read.Name": ["s"]}
    cloud.restart()
    assert not is_on_disk(cloud, "hunter2-in-clear") and books.status(id_) == "Success"


def test_it_is_stopped(books):
    id_ = books.start(SLEEP, api("make", "sqs", "CreateQueue", QueueName="never"))
    books.ssm.stop_automation_execution(AutomationExecutionId=id_, Type="Cancel")
    books.cloud.sleep(DAY)
    assert books.status(id_) == "Cancelled" and books.steps(id_) == {"rest": "Cancelled", "make": "Pending"} and books.queues() == []
    assert refused(books.ssm.stop_automation_execution, AutomationExecutionId=id_)[0] == "InvalidAutomationStatusUpdateException"
    id_ = books.start(name="book")
    books.ssm.stop_automation_execution(AutomationExecutionId=id_, Type="Complete")
    books.cloud.sleep(DAY)
    assert books.status(id_) == "Cancelled" and books.steps(id_) == {"rest": "Success", "make": "Pending"}


def test_it_acts_as_its_role_or_as_whoever_began_it(cloud, books):
    put_role(cloud, "sqs:CreateQueue", trust=TRUST, arn=ROLE)
    put_user(cloud, "operator", "AKIAOPERATOR0000", "ssm:*", "iam:PassRole")
    operator = cloud.client("ssm", key="AKIAOPERATOR0000", secret="secret")
    step = api("make", "sqs", "CreateQueue", QueueName="q")
    id_ = books.start(step, client=operator, name="alone")
    assert "AccessDenied" in books.shown(id_)["FailureMessage"] and "user/operator is not authorized" in books.shown(id_)["FailureMessage"]
    role = {"assumeRole": "{{ AutomationAssumeRole }}", "parameters": {"AutomationAssumeRole": {"type": "AWS::IAM::Role::Arn"}}}
    books.make(body(step, **role), "assumed")
    id_ = books.start(client=operator, name="assumed", parameters={"AutomationAssumeRole": [ROLE]})
    assert books.status(id_) == "Success" and books.queues() == ["q"]
    put_role(cloud, "sqs:*", trust='{"Statement": []}', arn=f"{ROLE}-distrusts")
    call = operator.start_automation_execution
    said = {"DocumentName": "assumed", "Parameters": {"AutomationAssumeRole": [f"{ROLE}-distrusts"]}}
    assert refused(call, **said)[0] == "InvalidAutomationExecutionParametersException"
    assert refused(call, DocumentName="assumed")[1] == "Missing the following required parameters: AutomationAssumeRole."
    put_user(cloud, "guest", "AKIAGUEST0000000", "sqs:*")
    denied = refused(cloud.client("ssm", key="AKIAGUEST0000000", secret="secret").start_automation_execution, DocumentName="alone")
    assert f"ssm:StartAutomationExecution on resource: arn:aws:ssm:us-east-1:{ACCOUNT}:automation-definition/alone:$DEFAULT" in denied[1]


def test_what_was_run_is_known_for_thirty_days(books):
    id_ = books.start(api("make", "sqs", "CreateQueue", QueueName="q"))
    books.ssm.delete_document(Name="book")
    assert books.status(id_) == "Success"
    books.cloud.sleep(29 * DAY)
    assert books.status(id_) == "Success"
    books.cloud.sleep(3 * DAY)
    assert refused(books.ssm.get_automation_execution, AutomationExecutionId=id_)[0] == "AutomationExecutionNotFoundException"


@pytest.mark.parametrize(
    "step",
    [
        {"name": "step", "action": "aws:sleep", "inputs": {"Duration": "{{ Odd }}"}},
        {"name": "step", "action": "aws:sleep", "inputs": {"Timestamp": "{{ Odd }}"}},
        {"name": "step", "action": "aws:approve", "inputs": {"Approvers": "{{ Odd }}"}},
        {"name": "step", "action": "aws:executeAutomation", "inputs": {"DocumentName": "{{ Odd }}", "RuntimeParameters": "{{ Odd }}"}},
        {"name": "step", "action": "aws:executeStateMachine", "inputs": {"stateMachineArn": "{{ Odd }}"}},
        {"name": "step", "action": "aws:invokeLambdaFunction", "inputs": {"FunctionName": "{{ Odd }}"}},
        {"name": "step", "action": "aws:createStack", "inputs": {"StackName": "{{ Odd }}"}},
        {"name": "step", "action": "aws:deleteStack", "inputs": {"StackName": "{{ Odd }}"}},
        {"name": "step", "action": "aws:executeAwsApi", "inputs": {"Service": "{{ Odd }}", "Api": "{{ Odd }}"}},
        {"name": "step", "action": "aws:assertAwsResourceProperty", "inputs": {"Service": "sqs", "Api": "ListQueues", "PropertySelector": "{{ Odd }}",
            "DesiredValues": "{{ Odd }}"}},
        {"name": "step", "action": "aws:branch", "inputs": {"Choices": [{"NextStep": "step", "Variable": "{{ Odd }}", "NumericGreater": 1}]}},
    ],
)  # fmt: skip
def test_inputs_that_make_no_sense_fail_their_step_in_words(books, capfd, step):
    books.make(body(step, parameters={"Odd": {"type": "StringMap", "default": {"a": {}}}}))
    shown = books.shown(books.start())
    assert shown["AutomationExecutionStatus"] == "Failed" and "internal error" not in shown["FailureMessage"]
    assert "Traceback" not in capfd.readouterr().err


def test_a_token_begins_once_and_lists_are_filtered(books):
    books.make(body(SLEEP))
    token = "11111111-2222-3333-4444-555555555555"
    start = books.ssm.start_automation_execution
    first, second = (start(DocumentName="book", ClientToken=token)["AutomationExecutionId"] for _ in range(2))
    other = start(DocumentName="book", Tags=[{"Key": "a", "Value": "b"}])["AutomationExecutionId"]
    assert first == second != other

    def listed(key, *values) -> list[str]:
        found = books.ssm.describe_automation_executions(Filters=[{"Key": key, "Values": list(values)}])
        return [each["AutomationExecutionId"] for each in found["AutomationExecutionMetadataList"]]

    assert sorted(listed("DocumentNamePrefix", "bo")) == sorted([first, other]) and listed("TagKey", "a") == [other]
    assert listed("ExecutionStatus", "Failed") == []
    books.cloud.sleep(1)
    assert sorted(listed("CurrentAction", "aws:sleep")) == sorted([first, other])
    steps = books.ssm.describe_automation_step_executions(AutomationExecutionId=first)["StepExecutions"]
    assert [each["Action"] for each in steps] == ["aws:sleep"]
