"""Change sets with the values of properties. What AWS shows was recorded: localstack/localstack, test_change_set_*.snapshot.json."""

from __future__ import annotations

import json

from refusals import refused
from test_cloudformation_stack import create, settled

UNKNOWN = "{{changeSet:KNOWN_AFTER_APPLY}}"
TOPICS = """
Resources:
  One: {Type: AWS::SNS::Topic, Properties: {TopicName: %s, DisplayName: %s}}
  Two: {Type: AWS::SNS::Topic, Properties: {TopicName: second, DisplayName: !GetAtt One.DisplayName}}
"""


def shown(cloud, template, *, with_values=True, stack="shop", **asked):
    """The change set as it is described, and its changes by logical id."""
    cloudformation = cloud.client("cloudformation")
    made = cloudformation.create_change_set(StackName=stack, ChangeSetName="next", TemplateBody=template, **asked)
    found = cloudformation.describe_change_set(ChangeSetName=made["Id"], IncludePropertyValues=with_values)
    changes = [each["ResourceChange"] for each in found["Changes"]]
    cloudformation.delete_change_set(ChangeSetName=made["Id"])
    return found, {each["LogicalResourceId"]: each for each in changes}


def properties(context):
    return json.loads(context)["Properties"]


def test_an_attribute_of_what_is_not_replaced_is_taken_to_stay_when_values_are_looked_at(cloud):
    create(cloud, "shop", TOPICS % ("first", "old"))
    _, changes = shown(cloud, TOPICS % ("first", "new"))
    assert list(changes) == ["One"]
    assert properties(changes["One"]["BeforeContext"])["DisplayName"] == "old"
    _, changes = shown(cloud, TOPICS % ("first", "new"), with_values=False)
    (detail,) = changes["Two"]["Details"]
    assert (detail["ChangeSource"], detail["Evaluation"], detail["CausingEntity"]) == ("ResourceAttribute", "Dynamic", "One.DisplayName")
    assert "Path" not in detail["Target"] and "AfterContext" not in changes["One"]


def test_an_attribute_of_what_is_replaced_is_known_after_the_deploy(cloud):
    create(cloud, "shop", TOPICS % ("first", "old"))
    _, changes = shown(cloud, TOPICS % ("other", "old"))
    details = {detail["ChangeSource"]: detail for detail in changes["Two"]["Details"]}
    assert {source: detail["Evaluation"] for source, detail in details.items()} == {
        "ResourceAttribute": "Static", "DirectModification": "Dynamic",
    }  # fmt: skip
    assert {detail["Target"]["AfterValue"] for detail in details.values()} == {UNKNOWN}
    assert properties(changes["Two"]["AfterContext"]) == {"TopicName": "second", "DisplayName": UNKNOWN}
    _, changes = shown(cloud, TOPICS % ("other", "old"), with_values=False)
    assert [detail["ChangeSource"] for detail in changes["Two"]["Details"]] == ["ResourceAttribute"]


def test_what_is_about_to_go_is_shown_as_it_was_written(cloud):
    create(cloud, "shop", TOPICS % ("first", "old"))
    _, changes = shown(cloud, "Resources: {One: {Type: AWS::SNS::Topic, Properties: {TopicName: first, DisplayName: old}}}")
    assert list(changes) == ["Two"] and properties(changes["Two"]["BeforeContext"])["DisplayName"] == UNKNOWN


def test_a_new_resource_shows_what_stands_already(cloud):
    one = "Resources: {One: {Type: AWS::SNS::Topic, Properties: {TopicName: first, DisplayName: old}}}"
    create(cloud, "shop", one)
    _, changes = shown(cloud, TOPICS % ("first", "new"))
    assert properties(changes["Two"]["AfterContext"])["DisplayName"] == "old" and "Replacement" not in changes["Two"]


def test_a_text_shows_what_is_known_of_it(cloud):
    template = """
Resources:
  One: {Type: AWS::SNS::Topic}
  Two: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub "of ${One} here"}}
  Three: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Sub ["of ${A} here", {A: !Ref One}]}}
  Four: {Type: AWS::SNS::Topic, Properties: {Tags: [{Key: of, Value: !GetAtt One.TopicName}]}}
"""
    _, changes = shown(cloud, template, ChangeSetType="CREATE")
    assert properties(changes["Two"]["AfterContext"]) == {"DisplayName": f"of {UNKNOWN} here"}
    assert properties(changes["Three"]["AfterContext"]) == {"DisplayName": UNKNOWN}
    assert properties(changes["Four"]["AfterContext"]) == {"Tags": [{"Key": "of", "Value": UNKNOWN}]}


def test_values_that_could_not_be_told_are_warned_of(cloud):
    template = """
Resources:
  One: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue nobody}}
  Two: {Type: AWS::SNS::Topic, Properties: {DisplayName: two}}
"""
    found, changes = shown(cloud, template, ChangeSetType="CREATE")
    assert found["Status"] == "CREATE_COMPLETE" and found["StatusReason"] == (
        "[WARN] --include-property-values option can return incomplete ChangeSet data because: "
        "ChangeSet creation failed for resource [One] because: No export named nobody"
    )
    assert properties(changes["One"]["AfterContext"]) == {"DisplayName": UNKNOWN}
    assert "StatusReason" not in shown(cloud, template, with_values=False, ChangeSetType="CREATE")[0]
    joined = TOPICS.replace("!GetAtt One.DisplayName", '!Join ["_", !Split ["-", !GetAtt One.DisplayName]]') % ("first", "a-b")
    found, changes = shown(cloud, joined, stack="other", ChangeSetType="CREATE")
    assert found["StatusReason"].endswith("for resource [Two] because: Template error: every Fn::Join object requires two parameters, "
        "(1) a string delimiter and (2) a list of strings to be joined or a function that returns a list of strings (such as Fn::GetAZs) "
        "to be joined.")  # fmt: skip


def test_what_another_stack_exports_is_looked_up(cloud):
    create(cloud, "shared", "Resources: {T: {Type: AWS::SNS::Topic}}\nOutputs: {Name: {Value: said, Export: {Name: word}}}")
    template = "Resources: {One: {Type: AWS::SNS::Topic, Properties: {DisplayName: !ImportValue word}}}"
    found, changes = shown(cloud, template, ChangeSetType="CREATE")
    assert "StatusReason" not in found and properties(changes["One"]["AfterContext"]) == {"DisplayName": "said"}


def test_the_name_of_a_change_set_is_free_once_it_was_executed(cloud):
    cloudformation = cloud.client("cloudformation")
    asked = {"StackName": "shop", "ChangeSetName": "release"}
    first = cloudformation.create_change_set(**asked, TemplateBody=TOPICS % ("first", "old"), ChangeSetType="CREATE")
    again = {**asked, "TemplateBody": TOPICS % ("first", "new"), "ChangeSetType": "CREATE"}
    assert refused(cloudformation.create_change_set, **again)[0] == "AlreadyExistsException"
    cloudformation.execute_change_set(**asked)
    assert settled(cloud, "shop")["ChangeSetId"] == first["Id"]
    second = cloudformation.create_change_set(**asked, TemplateBody=TOPICS % ("first", "new"))
    cloudformation.execute_change_set(**asked)
    stack = settled(cloud, "shop")
    assert (stack["StackStatus"], stack["ChangeSetId"]) == ("UPDATE_COMPLETE", second["Id"]) and second["Id"] != first["Id"]
    cloudformation.delete_stack(StackName="shop")
    cloud.sleep(5)
    gone = cloudformation.describe_stacks(StackName=stack["StackId"])["Stacks"][0]
    assert gone["StackStatus"] == "DELETE_COMPLETE" and not {"ChangeSetId", "EnableTerminationProtection"} & set(gone)


def test_topics_queues_and_parameters_answer_every_property_as_an_attribute(cloud):
    template = """
Resources:
  Queue: {Type: AWS::SQS::Queue, Properties: {DelaySeconds: 7}}
  Said: {Type: AWS::SSM::Parameter, Properties: {Type: String, Value: !GetAtt Queue.DelaySeconds}}
Outputs: {Delay: {Value: !GetAtt Said.Value}, Name: {Value: !Ref Said}}
"""
    told = {each["OutputKey"]: each["OutputValue"] for each in create(cloud, "shop", template)["Outputs"]}
    # test_change_sets.snapshot.json, test_dynamic_update: a parameter's name says nothing of its stack.
    assert told["Delay"] == "7" and told["Name"].startswith("CFN-Said-") and len(told["Name"]) == len("CFN-Said-") + 12


def test_what_a_template_itself_gets_wrong_is_said_before_what_is_not_here(cloud):
    cloudformation = cloud.client("cloudformation")

    def text(template):
        return refused(cloudformation.create_stack, StackName="shop", TemplateBody=template)[1]

    # test_change_set_conditions.snapshot.json, test_missing_condition.
    assert text("Resources: {Net: {Type: AWS::EC2::VPC, Properties: {CidrBlock: !If [Missing, a, b]}}}") == (
        "Template error: unresolved condition dependency Missing in Fn::If"
    )
    # test_change_set_fn_select.snapshot.json, test_invalid_select_index_type.
    assert text("Resources: {T: {Type: AWS::SNS::Topic, Properties: {DisplayName: !Select [3, [a]]}}}") == (
        "Template error: Fn::Select requires a list argument with two elements: an integer index and a list"
    )


def test_no_tags_are_as_good_as_none(cloud):
    # test_change_set_values.snapshot.json, test_property_empy_list.
    create(cloud, "shop", "Resources: {Group: {Type: AWS::Logs::LogGroup, Properties: {LogGroupName: ours, Tags: []}}}")
