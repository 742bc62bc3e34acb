"""The transform AWS::Serverless-2016-10-31, by AWS's own translator.

May: turn a template's body into another body. May not: run on a region's loop: its import alone costs 0.4 s of CPU (most of
it boto3 and awscrt), so only `workshop`'s child imports this module. It never reaches the network: managed policies come
from the list the translator carries.
"""

from __future__ import annotations

import copy
import logging
from typing import Any

import boto3
from samtranslator.model.exceptions import InvalidDocumentException
from samtranslator.parser.parser import Parser
from samtranslator.translator.arn_generator import NoRegionFound
from samtranslator.translator.translator import Translator
from samtranslator.utils.py27hash_fix import to_py27_compatible_template, undo_mark_unicode_str_in_template

from kumoniwa.deploy.macros import TransformFailed
from kumoniwa.deploy.parameters import meaning
from kumoniwa.kernel.errors import NotImplementedHere

TRANSFORM = "AWS::Serverless-2016-10-31"
# The serverless application repository and CodeDeploy's deployments are services of their own.
REFUSED = ("AWS::Serverless::Application",)

logging.getLogger("samtranslator").setLevel(logging.CRITICAL)


def _no_managed_policies() -> dict[str, str]:
    """The translator asks here for names that its own list does not have; it then refuses the name itself."""
    return {}


def transform(body: dict[str, Any], values: dict[str, str], pseudo: dict[str, Any]) -> dict[str, Any]:
    """A template without ``AWS::Serverless::`` types. Raises ``TransformFailed`` in CloudFormation's words."""
    for name, entry in body.get("Resources", {}).items():
        if isinstance(entry, dict) and entry.get("Type") in REFUSED:
            raise NotImplementedHere(f"{entry['Type']} (resource {name})")
    declared = body.get("Parameters", {})
    parameters: dict[str, Any] = {name: meaning(declared[name], value) for name, value in values.items()}
    parameters |= {name: value for name, value in pseudo.items() if isinstance(value, str)}
    body = copy.deepcopy(body)
    # A session is only asked for its region; without credentials it can do nothing else.
    translator = Translator(None, Parser(), boto_session=boto3.Session(region_name=pseudo["AWS::Region"]))
    try:
        to_py27_compatible_template(body, parameters)
        transformed = translator.translate(
            body, parameter_values=parameters, get_managed_policy_map=_no_managed_policies
        )
        transformed = undo_mark_unicode_str_in_template(transformed)
    except InvalidDocumentException as error:
        causes = " ".join(cause.message for cause in error.causes)
        raise TransformFailed(f"Transform {TRANSFORM} failed with: {error.message} {causes}") from None
    except (NoRegionFound, KeyError, TypeError, AttributeError, ValueError) as error:
        # The translator meets some malformed templates with Python's own exceptions; CloudFormation says this much.
        raise TransformFailed(f"Transform {TRANSFORM} failed with: {type(error).__name__}: {error}") from None
    transformed.pop("Transform", None)
    transformed.pop("Globals", None)
    return transformed
