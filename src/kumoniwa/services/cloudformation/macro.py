"""What transforms want to know of the world: an object that is included, and what a macro's function makes of a fragment.

A macro is a resource of some stack of the account, and nothing else: it is looked for among them when it is used.
https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/template-macros-author.html
"""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import urlsplit

from kumoniwa.deploy.standing import Standing
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, ValidationError
from kumoniwa.services.cloudformation import fetched
from kumoniwa.services.cloudformation import stack as stacks

MACRO = "AWS::CloudFormation::Macro"


async def answered(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    """The answer to one `deploy.macros.Wanted`. A ``problem`` in it is how the transform failed."""
    if "include" in wanted:
        return await _included(call, wanted["include"])
    return await _run(call, wanted)


async def _included(call: Call, location: str) -> dict[str, Any]:
    parts = urlsplit(location)
    bucket, key = parts.netloc, parts.path.lstrip("/")
    if parts.scheme != "s3" or not bucket or not key:
        return {"problem": f"The location parameter is not a valid S3 uri: {location}"}
    try:
        return {"text": await fetched.text(call, location, fetched.LOCATION)}
    except ValidationError as error:
        # Recorded for a bucket: localstack/localstack, test_change_sets.snapshot.json, test_describe_failed_change_set.
        known = {
            "The specified bucket does not exist": f"S3 bucket [{bucket}] does not exist.",
            "The specified key does not exist.": f"S3 object [{key}] does not exist in bucket [{bucket}].",
        }
        text = error.text.removeprefix("S3 error: ")
        return {"problem": known.get(text, text)}


def find(call: Call, name: str) -> Standing | None:
    """The macro of this name, if some stack of the account has made one."""
    for stack in stacks.living(call):
        for standing in stacks.resources_of(call, stack).values():
            if standing.type == MACRO and standing.physical_id == name and not standing.is_unmade:
                return standing
    return None


async def _run(call: Call, wanted: dict[str, Any]) -> dict[str, Any]:
    """Recorded: localstack/localstack, test_template_engine.snapshot.json, test_failed_state and test_validate_lambda_internals."""
    account, _, name = wanted["macro"].rpartition("::")
    found = find(call, name) if account in ("", call.account) else None
    id = f"{account or call.account}::{name}"
    if found is None:
        raise ValidationError(f"No transform named {id} found.")
    event = {
        "accountId": call.account,
        "fragment": wanted["fragment"],
        "transformId": id,
        "requestId": call.new_id(),
        "region": call.region,
        "params": wanted["params"],
        "templateParameterValues": wanted["values"],
    }
    try:
        reply = await call.ask(
            "lambda:Invoke", FunctionName=found.properties["FunctionName"], Payload=json.dumps(event).encode()
        )
    except AwsError as error:
        return {"problem": f"Transform {id} failed with: {error.text}"}
    try:
        said = json.loads(reply["Payload"])
    except (KeyError, ValueError, RecursionError):
        said = None
    if "FunctionError" in reply or not isinstance(said, dict) or said.get("requestId") != event["requestId"]:
        return {"problem": f"Received malformed response from transform {id}"}
    if str(said.get("status", "")).lower() != "success":
        text = said.get("errorMessage")
        return {"problem": f"Transform {id} failed with: {text}" if text else f"Transform {id} failed without an error message."}
    if "fragment" not in said:
        return {"problem": f"Received malformed response from transform {id}"}
    return {"fragment": said["fragment"]}
