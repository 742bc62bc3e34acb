"""Layers: shared packages that outlive their own deletion."""

from __future__ import annotations

import io
import json
import zipfile

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, zipped
from refusals import refused, refused_code
from test_cloudformation_stack import create, outputs

USES = "import shared\ndef handler(event, context): return shared.NAME"


def publish(cloud, name: str, source: str) -> str:
    content = {"ZipFile": zipped(source, "python/shared.py")}
    return cloud.client("lambda").publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"]


def test_a_function_imports_from_its_layers_the_last_one_first(cloud):
    first, second = publish(cloud, "a", "NAME = 'a'"), publish(cloud, "b", "NAME = 'b'")
    assert first == "arn:aws:lambda:us-east-1:000000000000:layer:a:1"
    make(cloud, USES, Layers=[first])
    assert invoke(cloud)["Payload"] == "a"
    client = cloud.client("lambda")
    shown = client.update_function_configuration(FunctionName="f", Layers=[first, second])
    assert [layer["Arn"] for layer in shown["Layers"]] == [first, second]
    assert invoke(cloud)["Payload"] == "b"


def test_packages_of_a_layer_are_those_of_the_python_that_the_function_names(cloud):
    # https://docs.aws.amazon.com/lambda/latest/dg/packaging-layers.html#packaging-layers-paths; AWS's bootstrap.py makes sites of these folders.
    folder = "python/lib/python3.13/site-packages"
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w") as archive:
        archive.writestr(f"{folder}/packed.py", "NAME = 'packed'")
        archive.writestr(f"{folder}/more.pth", "vendored\n")
        archive.writestr(f"{folder}/vendored/pointed.py", "NAME = 'pointed at'")
        archive.writestr("python/lib/python3.12/site-packages/older.py", "")
    layer = cloud.client("lambda").publish_layer_version(LayerName="a", Content={"ZipFile": held.getvalue()})["LayerVersionArn"]
    source = """
        import importlib.util, packed, pointed
        def handler(event, context):
            return [packed.NAME, pointed.NAME, importlib.util.find_spec("older") is None]
    """
    make(cloud, source, Layers=[layer], Runtime="python3.13")
    assert invoke(cloud)["Payload"] == ["packed", "pointed at", True]


def test_a_layer_is_found_in_its_own_region_only(cloud):
    arn = publish(cloud, "a", "NAME = 'a'")
    client, other = cloud.client("lambda"), arn.replace("us-east-1", "us-west-2")
    assert client.get_layer_version_by_arn(Arn=arn)["LayerVersionArn"] == arn
    for call, said in (
        (client.get_layer_version_by_arn, {"Arn": other}),
        (client.get_layer_version, {"LayerName": other.removesuffix(":1"), "VersionNumber": 1}),
    ):
        assert refused_code(call, **said) == "ResourceNotFoundException"


def test_a_deleted_layer_goes_on_in_the_functions_that_use_it(cloud):
    arn = publish(cloud, "a", "NAME = 'a'")
    make(cloud, USES, Layers=[arn])
    client = cloud.client("lambda")
    client.delete_layer_version(LayerName="a", VersionNumber=1)
    assert client.list_layers()["Layers"] == []
    cloud.restart(kill=True)
    assert invoke(cloud)["Payload"] == "a"
    assert publish(cloud, "a", "NAME = 'new'").endswith(":2")


def test_lists_leave_out_a_description_that_nobody_gave(cloud):
    publish(cloud, "a", "NAME = 'a'")
    client = cloud.client("lambda")
    content = {"ZipFile": zipped("NAME = 'b'", "python/shared.py")}
    assert client.publish_layer_version(LayerName="a", Description="two", Content=content)["Description"] == "two"
    # Verified against AWS by moto's test_list_lambda_layers; that publishing answers an empty one: localstack's test_layer_exceptions.
    second, first = client.list_layer_versions(LayerName="a")["LayerVersions"]
    assert (second["Description"], "Description" in first) == ("two", False)
    assert client.publish_layer_version(LayerName="a", Content=content)["Description"] == ""


def test_layers_that_cannot_be_used_are_refused(cloud):
    # Recorded: test_layer_function_exceptions.
    arn = publish(cloud, "a", "NAME = 'a'")
    again = publish(cloud, "a", "NAME = 'a'")
    for layers, text in (
        ([arn[:-1] + "9"], f"Layer version {arn[:-1]}9 does not exist."),
        ([arn, again], "Two different versions of the same layer are not allowed to be referenced in the same function. "
                       f"{arn} and {again} are versions of the same layer."),
        ([arn.replace("us-east-1", "eu-west-1")],
         "Layers are not in the same region as the function. Layers are expected to be in region us-east-1."),
    ):  # fmt: skip
        with pytest.raises(ClientError) as caught:
            make(cloud, USES, Layers=layers)
        assert caught.value.response["Error"] == {"Code": "InvalidParameterValueException", "Message": text}


def test_a_layer_version_has_a_policy_of_its_own(cloud):
    # Recorded: test_layer_policy_lifecycle, test_layer_policy_exceptions.
    arn = publish(cloud, "a", "NAME = 'a'")
    client = cloud.client("lambda")
    place = {"LayerName": "a", "VersionNumber": 1}
    assert refused(client.get_layer_version_policy, **place) == (
        "ResourceNotFoundException", "No policy is associated with the given resource.",
    )  # fmt: skip
    said = {**place, "Action": "lambda:GetLayerVersion", "Principal": "*"}
    added = client.add_layer_version_permission(**said, StatementId="s1")
    assert added["ResponseMetadata"]["HTTPStatusCode"] == 201
    statement = {"Sid": "s1", "Effect": "Allow", "Principal": "*", "Action": "lambda:GetLayerVersion", "Resource": arn}
    assert json.loads(added["Statement"]) == statement
    shown = client.get_layer_version_policy(**place)
    assert json.loads(shown["Policy"]) == {"Version": "2012-10-17", "Id": "default", "Statement": [statement]}
    assert shown["RevisionId"] == added["RevisionId"]
    assert refused(client.add_layer_version_permission, **said, StatementId="s1")[0] == "ResourceConflictException"
    stale = "The Revision Id provided does not match the latest Revision Id. Call the GetLayerPolicy API to retrieve the latest Revision Id"
    assert refused(client.add_layer_version_permission, **said, StatementId="s2", RevisionId="old") == ("PreconditionFailedException", stale)
    assert refused(client.remove_layer_version_permission, **place, StatementId="no") == (
        "ResourceNotFoundException", "Statement no is not found in resource policy.",
    )  # fmt: skip
    assert refused(client.get_layer_version_policy, LayerName="a", VersionNumber=2) == (
        "ResourceNotFoundException", f"Layer version {arn[:-1]}2 does not exist.",
    )  # fmt: skip
    assert client.remove_layer_version_permission(**place, StatementId="s1")["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert refused(client.get_layer_version_policy, **place)[0] == "ResourceNotFoundException"


def test_another_accounts_layer_needs_its_permission(cloud):
    other = "111111111111"
    theirs = cloud.client("lambda", key=other)
    arn = theirs.publish_layer_version(LayerName="a", Content={"ZipFile": zipped("NAME = 'theirs'", "python/shared.py")})["LayerVersionArn"]
    assert f":{other}:" in arn
    with pytest.raises(ClientError) as caught:
        make(cloud, USES, Layers=[arn])
    assert caught.value.response["Error"]["Code"] == "AccessDeniedException"
    theirs.add_layer_version_permission(
        LayerName="a", VersionNumber=1, StatementId="s", Action="lambda:GetLayerVersion", Principal="000000000000"
    )
    make(cloud, USES, Layers=[arn])
    theirs.delete_layer_version(LayerName="a", VersionNumber=1)
    cloud.restart(kill=True)
    assert invoke(cloud)["Payload"] == "theirs"


def test_code_and_layers_share_one_limit(cloud):
    arns = []
    for name in ("a", "b", "c"):
        content = {"ZipFile": zipped("x" * 90_000_000, f"{name}.txt", zipfile.ZIP_DEFLATED)}
        arns.append(cloud.client("lambda").publish_layer_version(LayerName=name, Content=content)["LayerVersionArn"])
    make(cloud, Layers=arns[:2])
    code, text = refused(cloud.client("lambda").update_function_configuration, FunctionName="f", Layers=arns)
    assert code == "InvalidParameterValueException"
    size = 270_000_000 + len("def handler(event, context): return event")
    assert text == (
        "Function code combined with layers exceeds the maximum allowed size of 262144000 bytes. "
        f"The actual size is {size} bytes."
    )


def test_an_empty_list_of_what_a_layer_is_for_is_told(cloud):
    # Recorded: test_layer_exceptions.
    client, content = cloud.client("lambda"), {"ZipFile": zipped("x = 1", "python/x.py")}
    published = client.publish_layer_version(LayerName="l", Content=content, CompatibleRuntimes=[], CompatibleArchitectures=[])
    assert (published["CompatibleRuntimes"], published["CompatibleArchitectures"]) == ([], [])
    assert "CompatibleRuntimes" not in client.publish_layer_version(LayerName="m", Content=content)


def test_what_no_layer_can_be_for_is_told_in_aws_order(cloud):
    # Recorded: test_layer_exceptions; the runtimes as cdk-preflight saw them in September 2026 (pf-lambda-layer-compatible-runtimes-enum).
    said = {"LayerName": "l", "Content": {"ZipFile": b""}, "CompatibleRuntimes": ["no", "python3.12"], "CompatibleArchitectures": ["none", "x86_64"]}
    code, text = refused(cloud.client("lambda").publish_layer_version, **said)
    assert code == "ValidationException"
    assert text == (
        "2 validation errors detected: Value '[no, python3.12]' at 'compatibleRuntimes' failed to satisfy constraint: "
        "Member must satisfy enum value set: [nodejs20.x, python3.14, provided.al2023, python3.15, python3.12, python3.13, nodejs24.x, nodejs22.x, "
        "nodejs26.x, java25, python3.10, python3.11, java21, ruby3.3, ruby3.4, ruby4.0, ruby3.2, python3.8, python3.9, java17.al2023, java17, nodejs16.x, "
        "dotnet10, dotnet8, java8.al2023, java11, dotnet6, nodejs18.x, provided.al2, java8.al2, java11.al2023]; Value '[none, x86_64]' at 'compatibleArchitectures' failed to satisfy constraint: "
        "Member must satisfy constraint: [Member must satisfy enum value set: [x86_64, arm64], Member must not be null]"
    )


def test_an_organization_uses_a_layer_as_anybody(cloud):
    # As cdk-preflight saw it of AWS (pf-lambda-layerperm-organization-id-needs-wildcard-principal).
    publish(cloud, "a", "NAME = 'a'")
    said = {"LayerName": "a", "VersionNumber": 1, "StatementId": "s", "Action": "lambda:GetLayerVersion", "OrganizationId": "o-abcdefghij"}
    add = cloud.client("lambda").add_layer_version_permission
    assert refused(add, Principal="111111111111", **said)[1] == "If organization id is specified then principal should be *"
    assert add(Principal="*", **said)["Statement"]


def test_a_stack_lets_another_account_use_a_layer(cloud):
    arn, functions = publish(cloud, "a", "NAME = 'a'"), cloud.client("lambda")
    share = {"LayerVersionArn": arn, "Action": "lambda:GetLayerVersion", "Principal": "111111111111"}
    resources = {"Share": {"Type": "AWS::Lambda::LayerVersionPermission", "Properties": share}}
    stack = create(cloud, "s", json.dumps({"Resources": resources, "Outputs": {"Id": {"Value": {"Ref": "Share"}}}}))
    (statement,) = json.loads(functions.get_layer_version_policy(LayerName="a", VersionNumber=1)["Policy"])["Statement"]
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/TemplateReference/aws-resource-lambda-layerversionpermission.html#return-values
    assert outputs(stack)["Id"] == f"{arn}#{statement['Sid']}" and "111111111111" in json.dumps(statement["Principal"])
    cloud.client("cloudformation").delete_stack(StackName="s")
    cloud.sleep(5)
    assert refused(functions.get_layer_version_policy, LayerName="a", VersionNumber=1)[0] == "ResourceNotFoundException"
    assert functions.get_layer_version_by_arn(Arn=arn)["Version"] == 1
