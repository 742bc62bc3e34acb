"""Templates that are almost right, in every language a template may speak: each is read or refused in AWS's shape, soon.

A case is made from one number: a template of all sections and functions with junk put into it, then its text damaged. It goes
to the region as a change set, which draws and compares it and makes nothing. ``KUMONIWA_FUZZ_CASE=<number>`` runs one.
"""

import copy
import json
import os
import random

import pytest
from botocore.exceptions import ClientError

CASES_SHORT, CASES_LONG = 400, 20_000
TEMPLATE = {
    "Transform": ["AWS::LanguageExtensions", {"Name": "AWS::Include", "Parameters": {"Location": "s3://parts/part"}}],
    "Parameters": {"P": {"Type": "String", "Default": "a"}, "L": {"Type": "CommaDelimitedList", "Default": "A,B"}},
    "Rules": {"R": {"RuleCondition": {"Fn::Equals": [{"Ref": "P"}, "a"]}, "Assertions": [{"Assert": {"Fn::Contains": [["a"], {"Ref": "P"}]}}]}},
    "Mappings": {"M": {"k": {"v": "x"}}},
    "Conditions": {"C": {"Fn::And": [{"Fn::Not": [{"Fn::Equals": [{"Ref": "P"}, "b"]}]}, {"Condition": "D"}]}, "D": {"Fn::Equals": ["1", 1]}},
    "Resources": {
        "Fn::ForEach::Queues": ["Name", {"Ref": "L"}, {"Queue${Name}": {"Type": "AWS::SQS::Queue", "Properties": {"QueueName": {"Fn::Sub": "q-${Name}"}}}}],
        "Table": {"Type": "AWS::SQS::Queue", "Condition": "C", "Properties": {
            "DelaySeconds": {"Fn::Length": {"Ref": "L"}}, "Tags": [{"Key": "k", "Value": {"Fn::ToJsonString": {"a": [{"Ref": "P"}]}}}],
            "QueueName": {"Fn::FindInMap": ["M", "none", "v", {"DefaultValue": {"Fn::Select": [0, {"Fn::Split": ["-", "a-b"]}]}}]},
        }},
        "Wait": {"Type": "AWS::CloudFormation::WaitCondition", "CreationPolicy": {"ResourceSignal": {"Count": 1, "Timeout": "PT1M"}}},
        "Macro": {"Type": "AWS::CloudFormation::Macro", "DeletionPolicy": {"Fn::If": ["C", "Retain", "Delete"]}, "Properties": {"Name": "Mine", "FunctionName": "f"}},
        "Custom": {"Type": "Custom::Thing", "DependsOn": ["Macro"], "Properties": {"ServiceToken": {"Fn::Join": [":", ["arn", {"Ref": "AWS::Region"}]]}, "Fn::Transform": "AWS::Include"}},
    },
    "Outputs": {"O": {"Value": {"Fn::GetAtt": ["Table", "Arn"]}, "Condition": "C", "Export": {"Name": {"Fn::Base64": "x"}}}},
}  # fmt: skip
JUNK = [
    None, "", "x", "${", "${!x}", "&{Name}", 0, -1, 2**70, 1.5, True, [], {}, [[]], [None], {"Ref": []}, {"Ref": "P"}, {"Ref": "Table"}, {"Fn::ForEach::X": []},
    {"Fn::ForEach::X": ["Name", ["a"], {"Q${Name}": 1}]}, {"Fn::Transform": {"Name": {"Ref": "P"}}}, {"Fn::Transform": [{"Name": "Mine"}, 1]},
    {"Fn::Transform": {"Name": "AWS::Include", "Parameters": {"Location": {"Ref": "Table"}}}}, {"Fn::Length": "x"}, {"Fn::Length": {"Ref": "Table"}},
    {"Fn::ToJsonString": {"Ref": "Table"}}, {"Fn::Contains": []}, {"Fn::EachMemberIn": [1, 2]}, {"Fn::RefAll": "AWS::EC2::VPC::Id"}, {"Condition": "C"},
    {"Fn::FindInMap": ["M", {"Ref": "Table"}, "v", {"DefaultValue": {}}]}, {"Fn::Sub": ["${a}${b}", {"a": {"Ref": "Table"}}]}, {"Fn::If": ["C", {"Ref": "AWS::NoValue"}]},
    {"Fn::GetAtt": "Wait.Data"}, {"Fn::Cidr": ["10.0.0.0/8", 999]}, {"ResourceSignal": 1}, "PT", "AWS::Serverless-2016-10-31", "Custom::" + "x" * 70, "\ud800", "水" * 70,
]  # fmt: skip


def _places(value, found: list) -> list:
    members = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, member in list(members):
        found.append((value, key))
        _places(member, found)
    return found


def _text(number: int) -> str:
    chance = random.Random(number)
    body = copy.deepcopy(TEMPLATE)
    if chance.random() < 0.7:
        del body["Transform"][1], body["Resources"]["Custom"]["Properties"]["Fn::Transform"]
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3))):
        holder, key = chance.choice(_places(body, []))
        if chance.random() < 0.15:
            del holder[key]
        elif isinstance(holder, dict) and chance.random() < 0.2:
            holder[chance.choice(["Fn::Transform", "Ref", "Condition", "Fn::ForEach::Y", "", "x.y"])] = copy.deepcopy(chance.choice(JUNK))
        else:
            holder[key] = copy.deepcopy(chance.choice(JUNK))
    text = json.dumps(body)
    for _ in range(chance.choice((0, 0, 0, 1, 3))):
        at = chance.randrange(len(text) or 1)
        text = text[:at] + chance.choice(["", "{", "]", '"', "\\", ",", ": ", "!Ref ", "&a ", "*a", "\n", "\t- ", "#", "\0", "é"]) + text[at + chance.choice((0, 1, 5)) :]
    return text


def _check(cloud, numbers) -> None:
    cloudformation = cloud.client("cloudformation")
    for number in numbers:
        text = _text(number)
        asked = {"StackName": f"s{number}", "ChangeSetName": "c", "ChangeSetType": "CREATE", "TemplateBody": text}
        try:
            cloudformation.create_change_set(**asked, Capabilities=["CAPABILITY_AUTO_EXPAND"])
        except ClientError as error:
            status, code = error.response["ResponseMetadata"]["HTTPStatusCode"], error.response["Error"]["Code"]
            assert status < 500 or code == "NotImplemented", (number, error, text)
            assert error.response["Error"]["Message"], number
        else:
            found = cloudformation.describe_change_set(StackName=f"s{number}", ChangeSetName="c", IncludePropertyValues=True)
            assert found["Status"] in ("CREATE_COMPLETE", "FAILED"), number
            cloudformation.delete_stack(StackName=f"s{number}")


def _with_part(cloud) -> None:
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="parts")
    s3.put_object(Bucket="parts", Key="part", Body=b"Outputs: {Part: {Value: whole}}")


def test_templates_of_all_languages_are_read_or_refused(cloud, capfd):
    _with_part(cloud)
    case = os.environ.get("KUMONIWA_FUZZ_CASE")
    _check(cloud, [int(case)] if case else range(CASES_SHORT))
    assert "Traceback" not in capfd.readouterr().err


@pytest.mark.slow
def test_many_templates_of_all_languages_are_read_or_refused(cloud, capfd):
    _with_part(cloud)
    _check(cloud, range(CASES_SHORT, CASES_LONG))
    assert "Traceback" not in capfd.readouterr().err
