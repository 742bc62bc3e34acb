"""Reading, checking and resolving templates: CloudFormation's answers to what is right and what is wrong."""

from __future__ import annotations

import asyncio
import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from small_world import PSEUDO, ZONES

from kumoniwa.deploy import blueprint, graph, packaging, parameters, template
from kumoniwa.kernel.errors import AwsError, NotImplementedHere, ValidationError

QUEUE = "{Type: AWS::SQS::Queue}"


def draw(text: str, **values: str | None):
    return blueprint.draw(text, values, PSEUDO, zones=ZONES)


def refusal(text: str, **values: str | None) -> str:
    with pytest.raises(AwsError) as found:
        draw(text, **values)
    return found.value.text


def evaluated(expression: str, more: str = "", **values: str) -> object:
    """What an expression is worth as a queue's property."""
    text = f"{more}\nResources:\n  Q:\n    Type: AWS::SQS::Queue\n    Properties:\n      X: {expression}\n"
    return draw(text, **values).resources["Q"]["Properties"].get("X")


# --- reading ---


def test_short_forms_mean_the_long_ones():
    body = template.parse(
        "A: !Ref X\nB: !GetAtt X.Y.Z\nC: !Sub ['${a}', {a: 1}]\nD: !If [C, !Ref A, b]\nE: !Condition C\nF: !GetAtt [X, Y]"
    ).body
    assert body == {
        "A": {"Ref": "X"},
        "B": {"Fn::GetAtt": ["X", "Y.Z"]},
        "C": {"Fn::Sub": ["${a}", {"a": 1}]},
        "D": {"Fn::If": ["C", {"Ref": "A"}, "b"]},
        "E": {"Condition": "C"},
        "F": {"Fn::GetAtt": ["X", "Y"]},
    }


def test_scalars_are_what_yaml_says_and_dates_and_account_ids_stay_text():
    body = template.parse('a: 2012-10-17\nb: 012345678901\nc: yes\nd: 1.5\ne: "5"\nf: ~\ng: 10').body
    assert body == {"a": "2012-10-17", "b": "012345678901", "c": True, "d": 1.5, "e": "5", "f": None, "g": 10}


def test_json_is_read_as_json():
    assert template.parse('{"Resources": {"A": {"Type": "T"}}}').body["Resources"]["A"] == {"Type": "T"}
    with pytest.raises(ValidationError, match=r"JSON not well-formed. \(line 1, column 3\)"):
        template.parse("{ nonsense")


def test_lines_are_remembered_for_messages():
    found = template.parse("Resources:\n  A:\n    Type: T\n    Properties:\n      Q: 1\n")
    assert found.where("Resources", "A", "Properties", "Q", "deeper") == "line 5"


def test_an_alias_is_refused_so_no_bomb_can_be_built():
    bomb = "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]"
    with pytest.raises(ValidationError, match="YAML aliases are not allowed in CloudFormation templates"):
        template.parse(bomb)


@pytest.mark.parametrize(
    "text",
    ["[" * 5000, "{" * 5000, '{"a":' * 5000, "a:\n" + "".join(" " * n + "b:\n" for n in range(1, 400))],
)
def test_deep_nesting_is_refused(text):
    with pytest.raises(ValidationError):
        template.parse(text)


def test_half_a_character_is_no_text():
    for text in ('{"a": "\\ud800"}', 'a: "\\ud800"'):
        with pytest.raises(ValidationError):
            template.parse(text)


def test_a_megabyte_is_the_limit():
    with pytest.raises(ValidationError, match="Template may not exceed 1000000 bytes in size."):
        template.parse("a: " + "x" * 1_000_000)


def test_duplicate_keys_are_refused():
    with pytest.raises(ValidationError, match=r"Duplicate key A \(line 3, column 3\)"):
        template.parse("Resources:\n  A: 1\n  A: 2\n")
    with pytest.raises(ValidationError, match="Duplicate key a"):
        template.parse('{"a": 1, "a": 2}')


@settings(max_examples=300, deadline=None)
@given(st.text(alphabet="ab:-[]{}!&*#'\"\n ,|>?%@`\t\0\u0085", max_size=60))
def test_any_text_is_read_or_refused(text):
    try:
        template.parse(text)
    except ValidationError:
        pass


# --- sections ---


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("Foo: 1", "Invalid template property or properties [Foo]"),
        ("[1]", "Template format error: unsupported structure."),
        ("Description: x", "Template format error: At least one Resources member must be defined."),
        ("Resources: {A: {Properties: {}}}", "Template format error: [/Resources/A] Every Resources object must contain a Type member."),
        ("Resources: {a-b: %s}".replace("%s", QUEUE), "Template format error: Resource name a-b is non alphanumeric."),
        ("Resources: {A: {Type: AWS::SQS::Queue, Foo: 1}}", "Invalid template resource property 'Foo'"),
        ("Resources: {A: {Type: AWS::Lost::Thing}, B: {Type: AWS::Also::Lost}}", "Template format error: Unrecognized resource types: [AWS::Also::Lost, AWS::Lost::Thing]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !Ref B}}}", "Template format error: Unresolved resource dependencies [B] in the Resources block of the template"),
        ("Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}}", "Template format error: Unresolved resource dependencies [B] in the Resources block of the template"),
        ("Resources: {A: %s}\nOutputs: {X: {Value: !Ref B}}".replace("%s", QUEUE), "Template format error: Unresolved resource dependencies [B] in the Outputs block of the template"),
        ("Resources: {A: %s}\nOutputs: {X: {Description: y}}".replace("%s", QUEUE), "Template format error: Every Outputs member must contain a Value object"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt B.Arn}}}", "Template error: instance of Fn::GetAtt references undefined resource B"),
        ("Resources: {A: %s, B: {Type: AWS::SQS::Queue, Properties: {QueueName: !GetAtt A.Wheels}}}".replace("%s", QUEUE), "Template error: resource A does not support attribute type Wheels in Fn::GetAtt"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: }}}", "[/Resources/A/Properties/QueueName] 'null' values are not allowed in templates"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Condition: C}}", "Template format error: Unresolved condition dependency C in the Resources block of the template"),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {Tags: [!Ref A]}}}", "Circular dependency between resources: [A]"),
        ("Resources: {A: {Type: AWS::SQS::Queue, DependsOn: B}, B: {Type: AWS::SQS::Queue, DependsOn: A}, C: {Type: AWS::SQS::Queue, DependsOn: A}}", "Circular dependency between resources: [A, B]"),
        ("Resources: {A: %s}\nParameters: {P: {Type: AllowedValues}}".replace("%s", QUEUE), "Template format error: Unrecognized parameter type: AllowedValues"),
        ("Resources: {A: %s}\nParameters: {P: {Type: String, AllowedValues: x}}".replace("%s", QUEUE), "Template format error: Every AllowedValues member must be a list."),
        ("Transform: {Name: !Ref A}\nResources: {A: %s}".replace("%s", QUEUE), "Key Name of transform definition must be a string."),
        ("Transform: AWS::Lost\nResources: {A: %s}".replace("%s", QUEUE), "No transform named AWS::Lost found."),
        ("Resources: ''", "Template format error: Any Resources member must be an object."),
        ("Mappings: {A: {B: c}}\nResources: {A: %s}".replace("%s", QUEUE), "Template format error: Every Mappings member B must be a map"),
        ("Mappings: {A: {B: {C: !Ref A}}}\nResources: {A: %s}".replace("%s", QUEUE), "Template format error: Every Mappings attribute must be a String or a List."),
        ("Resources: {A: {Type: AWS::SQS::Queue, Properties: {QueueName: !If [C, a, b]}}}", "Template error: unresolved condition dependency C in Fn::If"),
    ],
)  # fmt: skip
def test_a_wrong_template_is_refused_in_cloudformations_words(text, message):
    assert refusal(text) == message


def test_what_we_do_not_do_is_refused_by_name():
    assert "the template section Hooks" in refusal(f"Hooks: {{R: 1}}\nResources: {{A: {QUEUE}}}")
    refs = "{R: {Assertions: [{Assert: {'Fn::Contains': [{'Fn::RefAll': 'AWS::EC2::VPC::Id'}, a]}}]}}"
    assert "Fn::RefAll in the rule R" in refusal(f"Rules: {refs}\nResources: {{A: {QUEUE}}}")
    assert "AWS::EC2::Image::Id" in refusal(
        f"Parameters: {{P: {{Type: AWS::SSM::Parameter::Value<AWS::EC2::Image::Id>, Default: x}}}}\nResources: {{A: {QUEUE}}}"
    )
    blue = f"Transform: AWS::CodeDeployBlueGreen\nResources: {{A: {QUEUE}}}"
    assert "AWS::CodeDeployBlueGreen" in refusal(blue)
    assert "DeletionPolicy: Snapshot" in refusal(
        "Resources: {A: {Type: AWS::SQS::Queue, DeletionPolicy: Snapshot}}"
    )


def test_a_refusal_hints_at_the_line():
    with pytest.raises(ValidationError) as found:
        draw("Resources:\n  A:\n    Properties: {}\n")
    assert found.value.hint == "line 2"


# --- parameters ---


@pytest.mark.parametrize(
    "kind",
    # List<String> is documented nowhere, and taken: localstack/localstack, test_stacks.py, test_list_parameter_type.
    ["CommaDelimitedList", "List<Number>", "List<String>"],
)
def test_a_list_is_written_with_commas(kind):
    declared = {"Type": kind}
    assert parameters.meaning(declared, parameters.resolve({"P": declared}, {"P": "1, 2"})["P"]) == ["1", "2"]


@pytest.mark.parametrize(
    ("declared", "value", "message"),
    [
        # "must match pattern" was measured on AWS 2026-09-02: https://github.com/ministackorg/ministack/pull/1648
        ({"Type": "String", "AllowedPattern": "^[a-z]+$"}, "A", "Parameter 'P' must match pattern ^[a-z]+$"),
        ({"Type": "String", "AllowedValues": ["a", "b"]}, "c", "Parameter 'P' must be one of AllowedValues"),
        ({"Type": "String", "MinLength": 3}, "ab", "Parameter 'P' must contain at least 3 characters"),
        ({"Type": "String", "MaxLength": "1"}, "ab", "Parameter 'P' must contain at most 1 characters"),
        # localstack/localstack, test_change_set_parameters.snapshot.json, test_invalid_parameter_type
        ({"Type": "Number"}, "x", "Parameter 'P' must be a number."),
        ({"Type": "Number", "MinValue": 5}, "4", "Parameter 'P' must be a number not less than 5"),
        ({"Type": "Number", "MaxValue": 5}, "6", "Parameter 'P' must be a number not greater than 5"),
        ({"Type": "List<Number>"}, "1,x", "Parameter 'P' must be a number."),
        # https://github.com/buildkite/elastic-ci-stack-for-aws/pull/691
        ({"Type": "AWS::SSM::Parameter::Value<String>"}, "", "Parameter P should either have input value or default value"),
        # https://github.com/aws/aws-cli/issues/7750
        ({"Type": "String", "MinLength": 3, "ConstraintDescription": "be long."}, "a", "Parameter P failed to satisfy constraint: be long."),
    ],
)  # fmt: skip
def test_a_value_that_breaks_its_declaration_is_refused(declared, value, message):
    with pytest.raises(ValidationError) as found:
        parameters.resolve({"P": declared}, {"P": value})
    assert found.value.text == message


def test_parameters_must_be_declared_and_have_values():
    with pytest.raises(ValidationError, match=r"Parameters: \[P, Q\] must have values"):
        parameters.resolve({"P": {"Type": "String"}, "Q": {"Type": "String"}}, {})
    with pytest.raises(ValidationError, match=r"Parameters: \[X\] do not exist in the template"):
        parameters.resolve({}, {"X": "1"})


def test_previous_values_and_defaults_hold():
    declared = {"A": {"Type": "String"}, "B": {"Type": "Number", "Default": 5}}
    assert parameters.resolve(declared, {"A": None}, {"A": "old"}) == {"A": "old", "B": "5"}


def test_a_pattern_that_could_run_for_ever_is_not_run():
    with pytest.raises(NotImplementedHere):
        parameters.resolve({"P": {"Type": "String", "AllowedPattern": "^(a+)+$"}}, {"P": "a" * 40 + "!"})


def test_a_hidden_value_is_masked():
    drawn = draw(f"Parameters: {{P: {{Type: String, NoEcho: true}}}}\nResources: {{A: {QUEUE}}}", P="secret")
    assert drawn.parameters == [{"ParameterKey": "P", "ParameterValue": "****"}]


# --- intrinsics ---


@pytest.mark.parametrize(
    ("expression", "value"),
    [
        ("!Ref AWS::Region", "eu-west-1"),
        ("!Sub '${AWS::AccountId}-${!Kept}-x'", "123456789012-${Kept}-x"),
        ("!Sub ['${a}/${a}', {a: !Ref AWS::Region}]", "eu-west-1/eu-west-1"),
        ("!Join ['-', [a, 1, true]]", "a-1-true"),
        ("!Select [1, [a, b]]", "b"),
        ("!Select ['0', !Split [',', 'x,y']]", "x"),
        ("!Base64 hello", "aGVsbG8="),
        ("!Cidr [10.0.0.0/16, 2, 8]", ["10.0.0.0/24", "10.0.1.0/24"]),
        ("!GetAZs ''", ZONES),
        ("!Select [0, !GetAZs {Ref: 'AWS::Region'}]", "eu-west-1a"),
        ("{a: !Ref AWS::NoValue, b: [!Ref AWS::NoValue, 1]}", {"b": [1]}),
        ("!Ref AWS::NoValue", None),
        ("{Fn::Length: [1, 2]}", 2),
        ("{Fn::ToJsonString: {a: !Ref AWS::Region}}", '{"a":"eu-west-1"}'),
    ],
)
def test_intrinsics_compute(expression, value):
    assert evaluated(expression) == value


CONDITIONS = """
Parameters: {Stage: {Type: String, Default: dev}, Names: {Type: CommaDelimitedList, Default: "a, b"}}
Conditions:
  IsProd: !Equals [!Ref Stage, prod]
  IsDev: !Not [!Condition IsProd]
  Both: !And [!Condition IsProd, !Condition IsDev]
  One: !Or [!Condition IsProd, !Condition IsDev]
Mappings: {Sizes: {dev: {days: 1}, prod: {days: 7, list: [a]}}}
"""


@pytest.mark.parametrize(
    ("expression", "dev", "prod"),
    [
        ("!If [IsProd, big, small]", "small", "big"),
        ("!If [Both, 1, 2]", 2, 2),
        ("!If [One, 1, 2]", 1, 1),
        ("!FindInMap [Sizes, !Ref Stage, days]", 1, 7),
        ("!FindInMap [Sizes, !Ref Stage, list, {DefaultValue: none}]", "none", ["a"]),
        ("!Join ['+', !Ref Names]", "a+b", "a+b"),
        ("!If [IsProd, !Ref AWS::NoValue, x]", "x", None),
    ],
)
def test_conditions_and_mappings_decide(expression, dev, prod):
    assert evaluated(expression, CONDITIONS) == dev
    assert evaluated(expression, CONDITIONS, Stage="prod") == prod


@pytest.mark.parametrize(
    ("expression", "message"),
    [
        ('!Select [5, !Split [",", a]]', "Template error: Fn::Select cannot select nonexistent value at index 5"),
        ("!FindInMap [Nope, a, b]", "Template error: Mapping named 'Nope' is not present in the 'Mappings' section of template."),
        ("!FindInMap [Sizes, a, b]", "Template error: Unable to get mapping for Sizes::a::b"),
        ("!If [Nope, 1, 2]", "Template error: unresolved condition dependency Nope in Fn::If"),
        ("!Join [x]", "Template error: every Fn::Join object requires two parameters"),
        ("{'Fn::Nope': 1}", "Unrecognized intrinsic function Fn::Nope"),
        ("!Cidr [10.0.0.0/30, 5, 8]", "Template error: Fn::Cidr with arguments"),
    ],
)  # fmt: skip
def test_intrinsics_that_cannot_be_computed_are_refused(expression, message):
    with pytest.raises(ValidationError) as found:
        evaluated(expression, CONDITIONS)
    assert message in found.value.text


def test_a_transform_that_looks_into_a_malformed_mapping_leaves_it_to_the_check():
    queue = "{Type: AWS::SQS::Queue, Properties: {QueueName: !FindInMap [Sizes, a, b]}}"
    text = f"Transform: AWS::LanguageExtensions\nMappings: {{Sizes: {{a: text}}}}\nResources: {{Q: {queue}}}"
    assert "Every Mappings member a must be a map" in refusal(text)


def test_conditions_that_need_each_other_are_refused():
    text = f"Conditions: {{A: !Not [!Condition B], B: !Not [!Condition A]}}\nResources: {{Q: {QUEUE}}}"
    assert "Circular dependencies" in refusal(text)


def test_what_needs_a_resource_waits_with_everything_else_computed():
    drawn = draw(
        f"Resources: {{Q: {QUEUE}, R: {{Type: AWS::SQS::Queue, Properties: {{QueueName: !Sub '${{AWS::Region}}-${{Q.QueueName}}'}}}}}}"
    )
    waiting = drawn.resources["R"]["Properties"]["QueueName"]["Fn::Sub"]
    assert waiting[1] == {"AWS::Region": "eu-west-1", "Q.QueueName": {"Fn::GetAtt": ["Q", "QueueName"]}}
    assert drawn.levels == [["Q"], ["R"]]


def test_a_resource_whose_condition_is_false_is_not_there():
    text = f"{CONDITIONS}\nResources: {{Q: {QUEUE}, P: {{Type: AWS::SQS::Queue, Condition: IsProd}}}}"
    assert list(draw(text).resources) == ["Q"]
    assert "Unresolved resource dependencies [P] in the Outputs block" in refusal(
        text + "\nOutputs: {X: {Value: !Ref P}}"
    )


def test_for_each_is_unrolled():
    text = """
Transform: AWS::LanguageExtensions
Parameters: {Names: {Type: CommaDelimitedList, Default: "a,b"}}
Resources:
  Fn::ForEach::Queues:
    - Name
    - !Ref Names
    - Queue${Name}: {Type: AWS::SQS::Queue, Properties: {QueueName: !Sub "mine-${Name}"}}
"""
    assert {name: entry["Properties"]["QueueName"] for name, entry in draw(text).resources.items()} == {
        "Queuea": "mine-a",
        "Queueb": "mine-b",
    }


def test_capabilities_are_asked_for():
    role = "Type: AWS::IAM::Role, Properties: {AssumeRolePolicyDocument: {}"
    assert draw(f"Resources: {{R: {{{role}}}}}}}").capabilities == ["CAPABILITY_IAM"]
    assert draw(f"Resources: {{R: {{{role}, RoleName: x}}}}}}").capabilities == ["CAPABILITY_NAMED_IAM"]


@settings(max_examples=100, deadline=None)
@given(st.dictionaries(st.sampled_from("ABCDEF"), st.sets(st.sampled_from("ABCDEF")), min_size=1))
def test_levels_hold_everything_once_after_what_it_needs(wanted):
    needed = {name: tuple(each for each in others if each in wanted) for name, others in wanted.items()}
    try:
        order = graph.levels(needed)
    except ValidationError as error:
        assert "Circular" in error.text
        return
    flat = [name for level in order for name in level]
    assert sorted(flat) == sorted(needed)
    assert all(flat.index(other) < flat.index(name) for name, others in needed.items() for other in others)


# --- packaging ---


def test_the_same_folder_is_always_the_same_zip(tmp_path):
    for place in ("one", "two"):
        (tmp_path / place / "inner").mkdir(parents=True)
        for name in ("b.py", "a.py", "inner/c.py"):
            (tmp_path / place / name).write_text(name)
    assert packaging.zipped(tmp_path / "one") == packaging.zipped(tmp_path / "two")


async def _packaged(path, uploads):
    async def ask(operation, **params):
        uploads.append((operation, params))

    return await packaging.package(path, ask, "artifacts", "shop")


def test_local_code_is_uploaded_and_named(tmp_path):
    (tmp_path / "user-service").mkdir()
    (tmp_path / "user-service" / "app.py").write_text("pass")
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n"
        "  F: {Type: AWS::Serverless::Function, Properties: {CodeUri: user-service/}}\n"
        "  G: {Type: AWS::Lambda::Function, Properties: {Code: user-service}}\n"
        "  H: {Type: AWS::Lambda::Function, Properties: {Code: {S3Bucket: b, S3Key: k}}}\n"
    )
    uploads = []
    body = asyncio.run(_packaged(path, uploads))
    key = uploads[0][1]["Key"]
    assert key.startswith("shop/") and uploads[0][0] == "s3:PutObject"
    assert body["Resources"]["F"]["Properties"]["CodeUri"] == f"s3://artifacts/{key}"
    assert body["Resources"]["G"]["Properties"]["Code"] == {"S3Bucket": "artifacts", "S3Key": key}
    assert body["Resources"]["H"]["Properties"]["Code"] == {"S3Bucket": "b", "S3Key": "k"}
    assert json.loads(json.dumps(body))


def test_code_that_is_not_there_is_refused(tmp_path):
    path = tmp_path / "template.yaml"
    path.write_text("Resources: {F: {Type: AWS::Lambda::Function, Properties: {Code: nowhere}}}")
    with pytest.raises(
        ValidationError, match="Unable to upload artifact nowhere referenced by a property of F resource"
    ):
        asyncio.run(_packaged(path, []))


def test_each_step_of_a_graphql_api_is_uploaded(tmp_path):
    for name in ("schema.graphql", "get.js"):
        (tmp_path / name).write_text(name)
    path = tmp_path / "template.yaml"
    path.write_text(
        "Resources:\n"
        "  A: {Type: AWS::Serverless::GraphQLApi, Properties: {SchemaUri: schema.graphql, Functions: {get: {CodeUri: get.js}, own: {InlineCode: x}},\n"
        "    Resolvers: {Query: {a: {CodeUri: get.js, Pipeline: [get]}}}}}\n"
        "  R: {Type: AWS::AppSync::Resolver, Properties: {CodeS3Location: get.js}}\n"
    )
    uploads = []
    body = asyncio.run(_packaged(path, uploads))
    made, plain = (body["Resources"][name]["Properties"] for name in "AR")
    assert made["SchemaUri"].startswith("s3://artifacts/shop/") and made["Functions"]["own"] == {"InlineCode": "x"}
    assert made["Functions"]["get"]["CodeUri"] == made["Resolvers"]["Query"]["a"]["CodeUri"] == plain["CodeS3Location"]
    assert {params["Body"] for _, params in uploads} == {b"schema.graphql", b"get.js"}
