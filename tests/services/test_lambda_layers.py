"""Layers: shared packages that outlive their own deletion."""

from __future__ import annotations

import pytest
from botocore.exceptions import ClientError
from lambda_workshop import invoke, make, zipped

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


def test_a_deleted_layer_goes_on_in_the_functions_that_use_it(cloud):
    arn = publish(cloud, "a", "NAME = 'a'")
    make(cloud, USES, Layers=[arn])
    client = cloud.client("lambda")
    client.delete_layer_version(LayerName="a", VersionNumber=1)
    assert client.list_layers()["Layers"] == []
    cloud.restart(kill=True)
    assert invoke(cloud)["Payload"] == "a"
    assert publish(cloud, "a", "NAME = 'new'").endswith(":2")


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
