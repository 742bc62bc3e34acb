"""Every resource type's entry, compared with AWS's own resource schemas and operation models."""

from __future__ import annotations

import importlib
import pkgutil
from typing import Any

import pytest
from small_world import input_shape

from kumoniwa.deploy import resources, schemas, types
from kumoniwa.deploy.resource import Call, ResourceType, names_in

TYPES = sorted(
    type_name
    for type_name in schemas.type_names()
    if type_name.startswith("AWS::") and types.find(type_name) is not None
)


def test_there_is_an_entry_for_everything_that_the_files_declare():
    declared = set()
    for module in pkgutil.iter_modules(resources.__path__):
        file = importlib.import_module(f"kumoniwa.deploy.resources.{module.name}")
        # A service's types may stand in more than one file.
        declared |= {id(value) for value in vars(file).values() if isinstance(value, ResourceType)}
    assert len(declared) == len(TYPES)


@pytest.mark.parametrize("type_name", TYPES)
def test_an_entry_knows_only_properties_that_aws_knows(type_name):
    entry, schema = types.find(type_name), schemas.schema(type_name)
    naming = {entry.name.property} if entry.name else set()
    assert entry.known - naming <= set(schema["properties"])


@pytest.mark.parametrize("type_name", TYPES)
def test_an_entry_replaces_for_what_aws_replaces_for_and_for_nothing_else(type_name):
    entry, schema = types.find(type_name), schemas.schema(type_name)
    naming = {entry.name.property} if entry.name else set()
    always = {path.removeprefix("/properties/") for path in schema.get("createOnlyProperties", ())}
    conditional = schema.get("conditionalCreateOnlyProperties", ())
    sometimes = {path.removeprefix("/properties/").split("/")[0] for path in conditional}
    ours = entry.known - entry.mutable - set(entry.fixed.split())
    assert always & entry.known <= ours, "AWS replaces for these and we would change them in place"
    assert ours <= always | sometimes | naming, "AWS changes these in place and we would replace for them"


@pytest.mark.parametrize("type_name", TYPES)
def test_an_entry_answers_what_getatt_may_ask(type_name):
    entry, schema = types.find(type_name), schemas.schema(type_name)
    read_only = {path.removeprefix("/properties/") for path in schema.get("readOnlyProperties", ())}
    assert {name for name in entry.attributes if name in schema["properties"]} <= read_only | entry.known


@pytest.mark.parametrize("type_name", TYPES)
def test_what_is_looked_for_by_its_name_is_read_by_it(type_name):
    """Before it makes something of a given name, a stack looks whether it is there: by its id, if that is the name, or by a reading of its own."""
    entry = types.find(type_name)
    # A template cannot name the stack that it nests.
    if entry.name and entry.name.tells and entry.read and not entry.named and type_name != "AWS::CloudFormation::Stack":
        assert entry.name.property in names_in(entry.id)


def calls_of(entry: ResourceType) -> list[Call]:
    actions: list[Any] = [entry.create, entry.delete, entry.read, *entry.update]
    for setting in entry.settings:
        actions += [setting.put, setting.remove]
    return [action for action in actions if isinstance(action, Call)]


@pytest.mark.parametrize("type_name", TYPES)
def test_every_call_names_an_operation_and_parameters_of_awss_model(type_name):
    for call in calls_of(types.find(type_name)):
        shape = input_shape(call.operation)
        assert set(call.parameters) <= set(shape.members), call.operation
        assert set(shape.required_members) <= set(call.parameters), call.operation


def test_a_type_without_entry_is_unknown():
    assert types.find("AWS::Nowhere::Thing") is None
    assert types.find("AWS::SQS::Work") is None  # a name in the module that is no entry
    assert types.find("AWS::SQS::../x") is None
    assert types.find("Custom::") is None
