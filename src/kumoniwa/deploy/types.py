"""Which resource types there are: one file of `deploy.resources` per service, found by the type's name.

``AWS::SQS::Queue`` is ``Queue`` in ``resources/sqs.py``; a Python keyword gets an underscore. Loaded on first use. What makes a file too
long stands in files beside it (``apigateway_stage``), from which it has the types.
"""

from __future__ import annotations

import keyword
import re
from dataclasses import replace
from functools import lru_cache
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path

from kumoniwa.deploy import resources, schemas
from kumoniwa.deploy.resource import ResourceType

_ROOM = "kumoniwa.deploy.resources"
_FILES = Path(resources.__file__).parent
TELLS_PROPERTIES = frozenset(
    [
        "AWS::AppSync::DomainName",
        "AWS::AppSync::FunctionConfiguration",
        "AWS::AppSync::Resolver",
        "AWS::Backup::BackupSelection",
        "AWS::Backup::BackupVault",
        "AWS::Backup::RestoreTestingPlan",
        "AWS::Backup::RestoreTestingSelection",
        "AWS::Events::EventBus",
        "AWS::S3::AccessPoint",
        "AWS::SNS::Topic",
        "AWS::SQS::Queue",
        "AWS::SSM::Parameter",
        "AWS::StepFunctions::Activity",
    ]
)
"""Types of which Fn::GetAtt answers every property: aws-cloudformation/cfn-lint, src/cfnlint/schema/_getatts.py; recorded for a
topic's DisplayName: localstack/localstack, test_change_set_fn_get_attr.snapshot.json."""
_CUSTOM = re.compile(r"Custom::[A-Za-z0-9_@-]{1,60}")


@lru_cache(maxsize=1024)
def find(type_name: str) -> ResourceType | None:
    """The entry of a resource type, or None: then a template that uses it is refused by name."""
    if _CUSTOM.fullmatch(type_name):
        type_name, asked = "AWS::CloudFormation::CustomResource", type_name
    else:
        asked = type_name
    parts = type_name.split("::")
    if len(parts) != 3 or parts[0] != "AWS" or not all(part.isascii() and part.isalnum() for part in parts):
        return None
    file_name = parts[1].lower()
    file_name += "_" if keyword.iskeyword(file_name) else ""
    if find_spec(f"{_ROOM}.{file_name}") is None:
        return None
    entry = getattr(import_module(f"{_ROOM}.{file_name}"), parts[2], None)
    return replace(entry, type=asked) if isinstance(entry, ResourceType) else None


@lru_cache(maxsize=1)
def names() -> tuple[str, ...]:
    """Every type that AWS publishes a schema for and that has an entry here."""
    files = {path.stem.removesuffix("_") for path in _FILES.glob("*.py")}
    candidates = (name for name in schemas.type_names() if name.split("::")[1].lower() in files)
    return tuple(name for name in candidates if find(name) is not None)


def attributes_of(type_name: str) -> tuple[str, ...] | None:
    """What ``Fn::GetAtt`` may ask of a type; None for a type without entry."""
    entry = find(type_name)
    return (*entry.attributes, *properties_told(type_name)) if entry else None


def properties_told(type_name: str) -> tuple[str, ...]:
    """The properties that a type answers as attributes besides those it is documented to have."""
    schema = schemas.schema(type_name) if type_name in TELLS_PROPERTIES else None
    return tuple(schema["properties"]) if schema else ()
