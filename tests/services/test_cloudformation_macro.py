"""Templates that transform themselves: what is included from S3, macros of one's own, and rules about parameters."""

from __future__ import annotations

import json

import lambda_workshop
import pytest
from refusals import refused
from test_cloudformation_stack import create, outputs, settled

EXPAND = {"Capabilities": ["CAPABILITY_AUTO_EXPAND"]}
MACRO = "Resources: {Macro: {Type: AWS::CloudFormation::Macro, Properties: {Name: %s, FunctionName: %s}}}"
MARKING = """
    import json
    def mark(node, word):
        if isinstance(node, dict):
            return {key: mark(value, word) for key, value in node.items()}
        if isinstance(node, list):
            return [mark(value, word) for value in node]
        return node.replace("HERE", word + "-HERE") if isinstance(node, str) else node
    def handler(event, context):
        print(json.dumps(event))
        fragment = mark(event["fragment"], event["params"].get("Word", "none"))
        return {"requestId": event["requestId"], "status": "success", "fragment": fragment}
"""
QUEUE = "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: %s}}}"


def _with_macro(cloud, source: str = MARKING, name: str = "Mark") -> None:
    lambda_workshop.make(cloud, source, name=f"f{name}")
    assert create(cloud, f"macro{name}", MACRO % (name, f"f{name}"))["StackStatus"] == "CREATE_COMPLETE"


def _with_object(cloud, text: str) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="parts")
    s3.put_object(Bucket="parts", Key="part.yaml", Body=text.encode())


def _names(cloud) -> list[str]:
    return [url.rpartition("/")[2] for url in cloud.client("sqs").list_queues().get("QueueUrls", [])]


def test_a_part_of_a_template_is_included_from_s3(cloud):
    _with_object(cloud, "QueueName: included\nVisibilityTimeout: 77")
    template = """
Parameters: {Bucket: {Type: String}}
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      DelaySeconds: 5
      Fn::Transform: {Name: AWS::Include, Parameters: {Location: !Sub "s3://${Bucket}/part.yaml"}}
Outputs: {Url: {Value: !Ref Queue}}
"""
    stack = create(cloud, "shop", template, Parameters=[{"ParameterKey": "Bucket", "ParameterValue": "parts"}], **EXPAND)
    found = cloud.client("sqs").get_queue_attributes(QueueUrl=outputs(stack)["Url"], AttributeNames=["All"])["Attributes"]
    assert (found["VisibilityTimeout"], found["DelaySeconds"], _names(cloud)) == ("77", "5", ["included"])
    # Recorded: localstack/localstack, test_transformers.snapshot.json, test_transformer_property_level.
    processed = cloud.client("cloudformation").get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["Queue"]["Properties"] == {"DelaySeconds": 5, "QueueName": "included", "VisibilityTimeout": 77}


@pytest.mark.parametrize("place", ["whole", "section", "value"])
def test_an_include_stands_anywhere(cloud, place):
    part = {"whole": "Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}}",
            "section": "Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: q}}", "value": "q"}[place]  # fmt: skip
    _with_object(cloud, part)
    include = {"Name": "AWS::Include", "Parameters": {"Location": "s3://parts/part.yaml"}}
    other = {"Other": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": "other"}}}
    template = {
        "whole": {"Transform": include, "Resources": other},
        "section": {"Resources": other | {"Fn::Transform": include}},
        "value": {"Resources": other | {"Queue": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Transform": include}}}}},
    }[place]
    assert create(cloud, "shop", json.dumps(template), **EXPAND)["StackStatus"] == "CREATE_COMPLETE"
    assert sorted(_names(cloud)) == ["other", "q"]


def test_what_cannot_be_included_fails_the_stack_in_awss_words(cloud):
    template = "Transform: {Name: AWS::Include, Parameters: {Location: s3://none/part.yaml}}\n" + QUEUE % "q"
    cloudformation = cloud.client("cloudformation")
    code, text = refused(cloudformation.create_stack, StackName="shop", TemplateBody=template)
    assert (code, text) == ("InsufficientCapabilitiesException", "Requires capabilities : [CAPABILITY_AUTO_EXPAND]")
    # Recorded: localstack/localstack, test_change_sets.snapshot.json, test_describe_failed_change_set.
    cloudformation.create_change_set(StackName="shop", ChangeSetName="c", ChangeSetType="CREATE", TemplateBody=template)
    found = cloudformation.describe_change_set(StackName="shop", ChangeSetName="c")
    assert found["Status"] == "FAILED"
    assert found["StatusReason"] == "Transform AWS::Include failed with: S3 bucket [none] does not exist."


def test_a_macro_of_ones_own_changes_the_whole_template_and_parts_of_it_in_order(cloud):
    _with_macro(cloud)
    template = """
Transform: [{Name: Mark, Parameters: {Word: third}}, {Name: Mark, Parameters: {Word: fourth}}]
Resources:
  Queue:
    Type: AWS::SQS::Queue
    Properties:
      QueueName: HERE
      Fn::Transform: [{Name: Mark, Parameters: {Word: first}}, {Name: Mark, Parameters: {Word: second}}]
"""
    assert create(cloud, "shop", template, **EXPAND)["StackStatus"] == "CREATE_COMPLETE"
    # Recorded: localstack/localstack, test_template_engine.snapshot.json, test_scope_order_and_parameters.
    assert _names(cloud) == ["first-second-third-fourth-HERE"]


def test_a_macro_hears_what_aws_tells_it(cloud):
    _with_macro(cloud)
    template = """
Parameters: {Word: {Type: String, Default: said}, Many: {Type: CommaDelimitedList, Default: "a, b"}}
Transform: {Name: Mark, Parameters: {Word: !Ref Word}}
Resources: {Queue: {Type: AWS::SQS::Queue, Properties: {QueueName: HERE, DelaySeconds: !If [A, 1, 2]}}}
Conditions: {A: !Equals [a, a]}
"""
    create(cloud, "shop", template, **EXPAND)
    cloud.sleep(10)
    events = cloud.client("logs").filter_log_events(logGroupName="/aws/lambda/fMark")["events"]
    (heard,) = [json.loads(event["message"]) for event in events if event["message"].startswith("{")]
    # Recorded: localstack/localstack, test_template_engine.snapshot.json, test_validate_lambda_internals.
    assert set(heard) == {"accountId", "fragment", "transformId", "requestId", "region", "params", "templateParameterValues"}
    assert heard["transformId"] == "000000000000::Mark" and heard["params"] == {"Word": "said"}
    assert heard["templateParameterValues"] == {"Word": "said", "Many": ["a", "b"]}
    assert "Transform" not in heard["fragment"]
    assert heard["fragment"]["Resources"]["Queue"]["Properties"]["DelaySeconds"] == {"Fn::If": ["A", 1, 2]}


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ('{"requestId": event["requestId"], "status": "no", "errorMessage": "it is a test"}', "Transform 000000000000::Bad failed with: it is a test"),
        ('{"requestId": event["requestId"], "status": "no"}', "Transform 000000000000::Bad failed without an error message."),
        ('{"requestId": event["requestId"], "status": "success", "fragment": "text"}', "Template format error: unsupported structure."),
        ("1 / 0", "Received malformed response from transform 000000000000::Bad"),
        ('{"status": "success", "fragment": {}}', "Received malformed response from transform 000000000000::Bad"),
    ],
)  # fmt: skip
def test_a_stack_whose_macro_fails_is_there_and_goes_back(cloud, answer, reason):
    # Recorded: localstack/localstack, test_template_engine.snapshot.json, test_failed_state.
    _with_macro(cloud, f"def handler(event, context): return {answer}", "Bad")
    failed = create(cloud, "shop", "Transform: Bad\n" + QUEUE % "q", **EXPAND)
    assert failed["StackStatus"] == "ROLLBACK_COMPLETE"
    events = cloud.client("cloudformation").describe_stack_events(StackName="shop")["StackEvents"]
    why = {event["ResourceStatus"]: event.get("ResourceStatusReason") for event in events}
    assert why["ROLLBACK_IN_PROGRESS"] == f"{reason}. Rollback requested by user."
    create(cloud, "second", QUEUE % "q")
    cloud.client("cloudformation").update_stack(StackName="second", TemplateBody="Transform: Bad\n" + QUEUE % "r", **EXPAND)
    assert settled(cloud, "second")["StackStatus"] == "UPDATE_ROLLBACK_COMPLETE" and _names(cloud) == ["q"]
    assert cloud.client("cloudformation").get_template(StackName="second")["TemplateBody"] == QUEUE % "q"


def test_a_doomed_stack_that_was_killed_goes_back_all_the_same(cloud):
    _with_macro(cloud, "def handler(event, context): return 1", "Bad")
    cloud.client("cloudformation").create_stack(StackName="shop", TemplateBody="Transform: Bad\n" + QUEUE % "q", **EXPAND)
    cloud.restart(kill=True)
    assert settled(cloud, "shop")["StackStatus"] == "ROLLBACK_COMPLETE" and _names(cloud) == []


def test_a_macro_that_nobody_made_or_that_is_gone_is_not_found(cloud):
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "shop", "TemplateBody": "Transform: Mark\n" + QUEUE % "q", **EXPAND}
    assert refused(cloudformation.create_stack, **asked) == ("ValidationError", "No transform named 000000000000::Mark found.")
    _with_macro(cloud)
    assert create(cloud, "second", MACRO % ("Mark", "fMark"))["StackStatus"] == "ROLLBACK_COMPLETE"
    arn = cloudformation.describe_stacks(StackName="macroMark")["Stacks"][0]["StackId"]
    cloudformation.delete_stack(StackName="macroMark")
    settled(cloud, arn)
    assert refused(cloudformation.create_stack, **asked)[0] == "ValidationError"


def test_a_macro_runs_only_for_those_who_acknowledged_it(cloud):
    _with_macro(cloud)
    asked = {"StackName": "shop", "TemplateBody": "Transform: Mark\n" + QUEUE % "HERE"}
    code, _ = refused(cloud.client("cloudformation").create_stack, **asked)
    assert code == "InsufficientCapabilitiesException"
    assert "nextToken" not in (groups := cloud.client("logs").describe_log_groups()) and groups["logGroups"] == []
    summary = cloud.client("cloudformation").get_template_summary(TemplateBody=asked["TemplateBody"])
    assert summary["DeclaredTransforms"] == ["Mark"] and summary["Capabilities"] == ["CAPABILITY_AUTO_EXPAND"]


RULES = """
Parameters:
  Size: {Type: String, Default: small}
  Zones: {Type: CommaDelimitedList, Default: "a,b"}
Rules:
  Sizes:
    RuleCondition: !Equals [!Ref AWS::Region, us-east-1]
    Assertions:
      - {Assert: !Contains [[small, large], !Ref Size], AssertDescription: only small and large}
  Zoned:
    Assertions: [{Assert: !And [!EachMemberIn [!Ref Zones, [a, b, c]], !Not [!EachMemberEquals [!Ref Zones, c]]]}]
  Elsewhere:
    RuleCondition: !Equals [!Ref AWS::Region, eu-west-1]
    Assertions: [{Assert: !Contains [[tiny], !Ref Size]}]
Resources: {Queue: {Type: AWS::SQS::Queue}}
"""


def test_a_template_may_demand_something_of_its_parameters_together(cloud):
    assert create(cloud, "shop", RULES)["StackStatus"] == "CREATE_COMPLETE"
    cloudformation = cloud.client("cloudformation")
    for key, value in (("Size", "tiny"), ("Zones", "a,d"), ("Zones", "c,c")):
        asked = {"StackName": "second", "Parameters": [{"ParameterKey": key, "ParameterValue": value}]}
        code, text = refused(cloudformation.create_stack, TemplateBody=RULES, **asked)
        assert code == "ValidationError" and (key != "Size" or "only small and large" in text)


EXTENDED = """
Transform: AWS::LanguageExtensions
Parameters:
  Names: {Type: CommaDelimitedList, Default: "Red,Blue"}
  Secret: {Type: String, NoEcho: true, Default: hush}
Mappings: {Delays: {known: {seconds: 7}}}
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - Queue${Name}: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "q-${Name}", DelaySeconds: !Length [!Ref Names, 1, 1]}}
  Other:
    Type: AWS::SQS::Queue
    DependsOn: [QueueRed]
    Properties:
      DelaySeconds: !FindInMap [Delays, unknown, seconds, {DefaultValue: 3}]
      Tags: [{Key: all, Value: !ToJsonString {names: [a, b]}}, {Key: secret, Value: !Ref Secret}]
"""


def test_language_extensions_are_computed_before_anything_else_reads_the_template(cloud):
    template = EXTENDED.replace("!Length [!Ref Names, 1, 1]", '{"Fn::Length": !Ref Names}')
    assert create(cloud, "shop", template, **EXPAND)["StackStatus"] == "CREATE_COMPLETE"
    assert {"q-Red", "q-Blue"} < set(_names(cloud))
    other = next(url for url in cloud.client("sqs").list_queues()["QueueUrls"] if "shop-Other" in url)
    sqs = cloud.client("sqs")
    assert sqs.get_queue_attributes(QueueUrl=other, AttributeNames=["DelaySeconds"])["Attributes"]["DelaySeconds"] == "3"
    assert sqs.list_queue_tags(QueueUrl=other)["Tags"] == {"all": '{"names":["a","b"]}', "secret": "hush"}
    # Recorded: localstack/localstack, test_transformers.snapshot.json, test_transform_length and test_transform_foreach.
    processed = cloud.client("cloudformation").get_template(StackName="shop", TemplateStage="Processed")["TemplateBody"]
    assert processed["Resources"]["QueueRed"]["Properties"] == {"QueueName": "q-Red", "DelaySeconds": 2}
    assert "hush" not in json.dumps(processed["Resources"])


def test_a_summary_may_name_unknown_types_instead_of_refusing_them(cloud):
    cloudformation = cloud.client("cloudformation")
    template = "Resources: {Server: {Type: AWS::EC2::Instance}, Queue: {Type: AWS::SQS::Queue}}\nOutputs: {Ip: {Value: !GetAtt Server.PublicIp}}"
    assert refused(cloudformation.get_template_summary, TemplateBody=template)[0] == "ValidationError"
    lenient = {"TreatUnrecognizedResourceTypesAsWarnings": True}
    found = cloudformation.get_template_summary(TemplateBody=template, TemplateSummaryConfig=lenient)
    assert found["Warnings"] == {"UnrecognizedResourceTypes": ["AWS::EC2::Instance"]}
    assert found["ResourceTypes"] == ["AWS::EC2::Instance", "AWS::SQS::Queue"]


def test_a_section_that_is_no_map_is_refused_although_a_transform_reads_it_first(cloud):
    template = EXTENDED.replace("Mappings: {Delays: {known: {seconds: 7}}}", "Mappings: none")
    wish = {"StackName": "shop", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": template, **EXPAND}
    code, text = refused(cloud.client("cloudformation").create_change_set, **wish)
    assert (code, text) == ("ValidationError", "Template format error: Any Mappings member must be an object.")
