"""EventBridge as a data source: a field puts events on a bus.

https://docs.aws.amazon.com/appsync/latest/devguide/aws-appsync-resolver-reference-eventbridge-js.html
"""

from __future__ import annotations

from typing import Any

import orjson

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError, NotImplementedHere
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.moment import read_iso


def _entry(event: Any, bus: str) -> dict[str, Any]:
    if not isinstance(event, dict) or not event.get("source") or not event.get("detailType"):
        raise Failure("Each event needs a source and a detailType.", "MappingTemplate")
    detail = event.get("detail")
    entry = {
        "Source": event["source"],
        "DetailType": event["detailType"],
        "Detail": detail if isinstance(detail, str) else orjson.dumps(detail or {}).decode(),
        "EventBusName": bus,
    }
    if event.get("resources"):
        entry["Resources"] = event["resources"]
    if event.get("time") is not None:
        time = event["time"]
        entry["Time"] = read_iso(time) / 1000 if isinstance(time, str) else float(time)
    return entry


async def ask(call: Call, config: dict[str, Any], request: dict[str, Any]) -> Any:
    """What the bus answers. Raises Failure."""
    if request.get("operation") != "PutEvents":
        raise Failure(f"Unsupported operation '{request.get('operation')}'.", "MappingTemplate")
    bus = config["eventBusArn"]
    entries = [_entry(event, bus) for event in request.get("events") or ()]
    if not entries:
        raise Failure("Value for field '$[events]' not found.", "MappingTemplate")
    try:
        reply = await call.ask("events:PutEvents", to_region=bus.split(":")[3], Entries=entries)
    except NotImplementedHere:
        raise
    except AwsError as error:
        raise Failure(error.text, f"EventBridge:{error.code}") from None
    return {"Entries": reply["Entries"], "FailedEntryCount": reply.get("FailedEntryCount", 0)}
