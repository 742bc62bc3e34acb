"""Tags of what Lambda keeps: functions, event source mappings, code signing configurations."""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.kernel.record import changed
from kumoniwa.services.lambda_ import code_signing
from kumoniwa.services.lambda_.code_signing import CodeSigningConfig
from kumoniwa.services.lambda_.errors import InvalidParameterValueException, ResourceNotFoundException
from kumoniwa.services.lambda_.function import Function, check_tags, existing, latest, revise
from kumoniwa.services.lambda_.name import function_named
from kumoniwa.services.lambda_.source import Mapping, tag, tagged


def _tagged(call: Call, resource: str) -> Function | Mapping | CodeSigningConfig:
    if ":event-source-mapping:" in resource:
        return tagged(call, resource)
    if ":code-signing-config:" in resource:
        return code_signing.existing_config(call, resource)
    if ":capacity-provider:" in resource:
        # Nothing here makes one.
        raise ResourceNotFoundException(f"Capacity provider not found: {resource}")
    if ":function:" not in resource:
        raise NotImplementedHere(f"tags of {resource}")
    name, qualifier = function_named(call, resource)
    if qualifier is not None:
        raise InvalidParameterValueException(
            "Tags on function aliases and versions are not supported. Please specify a function ARN."
        )
    return existing(call, name)


def tags_of(call: Call, arn: str) -> dict[str, str]:
    """Versions and aliases go by their function's: https://docs.aws.amazon.com/lambda/latest/dg/attribute-based-access-control.html"""
    name = function_named(call, arn)[0] if ":function:" in arn else ""
    return (existing(call, name) if name else _tagged(call, arn)).tags


def all_tags(call: Call) -> list[tuple[str, dict[str, str]]]:
    found = [(call.arn(f"function:{name}"), each.tags) for name, each in call.shelf(Function).items()]
    found += [(call.arn(f"event-source-mapping:{key}"), each.tags) for key, each in call.shelf(Mapping).items()]
    return found + [(each.arn, each.tags) for each in call.shelf(CodeSigningConfig).values()]


def _keep_tags(call: Call, held: Function | Mapping | CodeSigningConfig, tags: dict[str, str]) -> None:
    """A function is under another revision afterwards (recorded: test_tag_lifecycle)."""
    if isinstance(held, Mapping):
        tag(call, held, tags)
    elif isinstance(held, CodeSigningConfig):
        call.shelf(CodeSigningConfig)[held.arn] = changed(held, tags=tags)
    else:
        call.shelf(Function)[held.name] = changed(held, tags=tags)
        revise(call, latest(call, held.name))


def TagResource(call: Call, *, Resource: str, Tags: dict[str, str]) -> None:
    held = _tagged(call, Resource)
    if not Tags:
        raise InvalidParameterValueException("An error occurred and the request cannot be processed.")
    _keep_tags(call, held, check_tags({**held.tags, **Tags}))


def UntagResource(call: Call, *, Resource: str, TagKeys: list[str]) -> None:
    held = _tagged(call, Resource)
    _keep_tags(call, held, {key: value for key, value in held.tags.items() if key not in TagKeys})


def ListTags(call: Call, *, Resource: str) -> dict:
    return {"Tags": _tagged(call, Resource).tags}
