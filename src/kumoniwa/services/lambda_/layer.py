"""Layers: packages that functions share, in numbered versions.

A function remembers the packages of its layers themselves, so it goes on working when a layer version is deleted.
"""

from __future__ import annotations

import re
from typing import Any

from kumoniwa.engines.lambda_runtime.package import UNZIPPED_BYTES_MAX
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record
from kumoniwa.services.lambda_ import package
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.services.lambda_.function import Code, Layer, Version
from kumoniwa.wire import timestamps

LAYERS_MAX = 5

_ARN = re.compile(r"arn:aws[a-z-]*:lambda:(?P<region>[a-z0-9-]+):(?P<account>\d{12}):layer:(?P<name>[a-zA-Z0-9_-]+)(?::(?P<version>\d+))?")


class LayerVersion(Record):
    """Shelved by ``name:version``."""

    name: str
    version: int
    code: Code
    created: float
    description: str = ""
    runtimes: tuple[str, ...] | None = None
    architectures: tuple[str, ...] | None = None
    """None if nobody said any, which is shown otherwise than none at all."""
    license: str = ""
    statements: tuple[str, ...] = ()
    """Of its resource policy, each one as JSON."""
    policy_revision: str = ""


class LayerNumbers(Record):
    """The next version of a layer, shelved by its name: numbers are not given twice."""

    next: int


def arn(call: Call, layer: LayerVersion) -> str:
    return call.arn(f"layer:{layer.name}:{layer.version}")


def _name(call: Call, text: str) -> str:
    """The name that it is, or that is in an ARN of this region."""
    found = _ARN.fullmatch(text)
    if found is None:
        return text
    if found["region"] != call.region:
        raise ResourceNotFoundException("The resource you requested does not exist.")
    return found["name"]


def _listed(call: Call, layer: LayerVersion) -> dict[str, Any]:
    reply: dict[str, Any] = {
        "LayerVersionArn": arn(call, layer),
        "Version": layer.version,
        "CreatedDate": timestamps.to_millisecond_with_offset(layer.created),
    }
    # Lists leave out one that is empty: moto's test_list_lambda_layers, verified against AWS.
    if layer.description:
        reply["Description"] = layer.description
    if layer.runtimes is not None:
        reply["CompatibleRuntimes"] = list(layer.runtimes)
    if layer.architectures is not None:
        reply["CompatibleArchitectures"] = list(layer.architectures)
    if layer.license:
        reply["LicenseInfo"] = layer.license
    return reply


def _shown(call: Call, layer: LayerVersion) -> dict[str, Any]:
    content = {"Location": package.link(call, layer.code.blob), "CodeSha256": layer.code.sha256, "CodeSize": layer.code.size}
    shown = {"Description": layer.description, "LayerArn": call.arn(f"layer:{layer.name}"), "Content": content}
    return _listed(call, layer) | shown


async def PublishLayerVersion(
    call: Call,
    *,
    LayerName: str,
    Content: dict[str, Any],
    Description: str | None = None,
    CompatibleRuntimes: list[str] | None = None,
    LicenseInfo: str | None = None,
    CompatibleArchitectures: list[str] | None = None,
) -> dict:
    name = _name(call, LayerName)
    zipped = await package.received(call, Content)
    sha256 = await package.checked(call, zipped)
    numbers = call.shelf(LayerNumbers).get(name) or LayerNumbers(next=1)
    call.shelf(LayerNumbers)[name] = LayerNumbers(next=numbers.next + 1)
    layer = LayerVersion(
        name=name, version=numbers.next, code=package.kept(call, sha256, zipped), created=call.now(),
        description=Description or "", license=LicenseInfo or "",
        runtimes=None if CompatibleRuntimes is None else tuple(CompatibleRuntimes),
        architectures=None if CompatibleArchitectures is None else tuple(CompatibleArchitectures),
    )  # fmt: skip
    call.shelf(LayerVersion)[f"{name}:{layer.version}"] = layer
    return _shown(call, layer)


def named(call: Call, text: str, number: int) -> LayerVersion | None:
    return call.shelf(LayerVersion).get(f"{_name(call, text)}:{number}")


def _existing(call: Call, name: str, number: int) -> LayerVersion:
    if number < 1:
        raise InvalidParameterValueException("Layer Version Cannot be less than 1")
    layer = call.shelf(LayerVersion).get(f"{name}:{number}")
    if layer is None:
        raise ResourceNotFoundException("The resource you requested does not exist.")
    return layer


def GetLayerVersion(call: Call, *, LayerName: str, VersionNumber: int) -> dict:
    return _shown(call, _existing(call, _name(call, LayerName), VersionNumber))


def GetLayerVersionByArn(call: Call, *, Arn: str) -> dict:
    found = _ARN.fullmatch(Arn)
    if found is None or not found["version"] or found["region"] != call.region:
        raise ResourceNotFoundException("The resource you requested does not exist.")
    return _shown(call, _existing(call, found["name"], int(found["version"])))


def DeleteLayerVersion(call: Call, *, LayerName: str, VersionNumber: int) -> None:
    """A version that is not there is deleted without complaint (recorded: test_layer_exceptions)."""
    if VersionNumber < 1:
        raise InvalidParameterValueException("Layer Version Cannot be less than 1")
    layer = call.shelf(LayerVersion).get(f"{_name(call, LayerName)}:{VersionNumber}")
    if layer is not None:
        del call.shelf(LayerVersion)[f"{layer.name}:{layer.version}"]
        let_go(call, [layer.code.blob])


def _newest_first(call: Call) -> list[LayerVersion]:
    return sorted(call.shelf(LayerVersion).values(), key=lambda layer: (layer.name, -layer.version))


def _suits(layer: LayerVersion, runtime: str | None, architecture: str | None) -> bool:
    return (runtime is None or runtime in (layer.runtimes or ())) and (
        architecture is None or architecture in (layer.architectures or ())
    )


def ListLayerVersions(
    call: Call, *, LayerName: str, CompatibleRuntime: str | None = None, CompatibleArchitecture: str | None = None
) -> dict:
    name = _name(call, LayerName)
    mine = [layer for layer in _newest_first(call) if layer.name == name and _suits(layer, CompatibleRuntime, CompatibleArchitecture)]
    return {"LayerVersions": [_listed(call, layer) for layer in mine]}


def ListLayers(call: Call, *, CompatibleRuntime: str | None = None, CompatibleArchitecture: str | None = None) -> dict:
    newest: dict[str, LayerVersion] = {}
    for layer in _newest_first(call):
        if _suits(layer, CompatibleRuntime, CompatibleArchitecture):
            newest.setdefault(layer.name, layer)
    return {
        "Layers": [
            {"LayerName": name, "LayerArn": call.arn(f"layer:{name}"), "LatestMatchingVersion": _listed(call, layer)}
            for name, layer in newest.items()
        ]
    }


# What functions use --------------------------------------------------------------------------------


def _owner(call: Call, account: str) -> Call:
    """The same caller among what belongs to a layer's account."""
    if account == call.account:
        return call
    return Call(call.home, account, call.principal, call.service, call.operation, call.request_id, call.request)


def check_size(code: Code, layers: tuple[Layer, ...]) -> None:
    """https://repost.aws/knowledge-center/lambda-deployment-package-errors"""
    size = code.unpacked_bytes + sum(layer.unpacked_bytes for layer in layers)
    if layers and size > UNZIPPED_BYTES_MAX:
        raise InvalidParameterValueException(
            f"Function code combined with layers exceeds the maximum allowed size of {UNZIPPED_BYTES_MAX} bytes. "
            f"The actual size is {size} bytes."
        )


def chosen(call: Call, arns: list[str]) -> tuple[Layer, ...]:
    """The layers a function names, each one there and only once (recorded: test_layer_function_exceptions).

    Whether another account shares a layer is asked before where it is, as cdk-preflight saw it of AWS: pf-lambda-layer-arn-region."""
    if len(arns) > LAYERS_MAX:
        raise InvalidParameterValueException(f"Cannot reference more than {LAYERS_MAX} layers.")
    layers: list[Layer] = []
    named: dict[str, str] = {}
    for arn in arns:
        found = _ARN.fullmatch(arn)
        owner = _owner(call, found["account"] if found is not None else call.account)
        owner.require("lambda:GetLayerVersion", arn)
        if found is not None and found["region"] != call.region:
            raise InvalidParameterValueException(
                f"Layers are not in the same region as the function. Layers are expected to be in region {call.region}."
            )
        layer = owner.shelf(LayerVersion).get(f"{found['name']}:{found['version']}") if found is not None else None
        if layer is None:
            raise InvalidParameterValueException(f"Layer version {arn} does not exist.")
        if layer.name in named:
            raise InvalidParameterValueException(
                "Two different versions of the same layer are not allowed to be referenced in the same function. "
                f"{named[layer.name]} and {arn} are versions of the same layer."
            )
        named[layer.name] = arn
        # Another account's package is copied: it may be deleted there.
        blob = layer.code.blob if owner is call else call.blobs.put(owner.blobs.get(layer.code.blob))
        code = layer.code
        layers.append(Layer(arn=arn, size=code.size, sha256=code.sha256, blob=blob, unpacked_bytes=code.unpacked_bytes))
    return tuple(layers)


def codes(versions: list[Version], layers: list[LayerVersion]) -> dict[str, str]:
    """Every package somebody names: its blob and its CodeSha256."""
    named = {version.code.blob: version.code.sha256 for version in versions}
    named |= {layer.blob: layer.sha256 for version in versions for layer in version.layers}
    return named | {layer.code.blob: layer.code.sha256 for layer in layers}


def let_go(call: Call, blobs: list[str]) -> None:
    """Remove the packages that nobody names any more, once that is certain."""
    named = codes(list(call.shelf(Version).values()), list(call.shelf(LayerVersion).values()))
    gone = [blob for blob in blobs if blob not in named]
    call.after_commit(lambda: [call.blobs.drop(blob) for blob in gone])
