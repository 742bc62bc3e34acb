"""Sources that are looked at from time to time: an object of S3 whose version is not the one seen last starts its pipeline.

Whoever says ``PollForSourceChanges: false`` is started by a rule of EventBridge instead.
https://docs.aws.amazon.com/codepipeline/latest/userguide/action-reference-S3.html
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import changed
from kumoniwa.services.codepipeline.execution import OVER, begin, of_pipeline
from kumoniwa.services.codepipeline.pipeline import SERVICE, Pipeline, declared

WATCHED = ("codepipeline", "sources")
IDLE_S = 3_600.0
LOOKED_EVERY_S = {"real": 60.0}
"""By pace; AWS looks about once a minute."""
SOON_S = 1.0


async def run(region: Any) -> None:
    every_s = LOOKED_EVERY_S.get(region.settings.pace, SOON_S)
    while True:
        is_needed = False
        for call in region.calls("codepipeline", SERVICE):
            for name in call.shelf(Pipeline):
                is_needed |= await _look(call, name)
        await region.wait(WATCHED, region.clock.now() + (every_s if is_needed else IDLE_S))


async def _look(call: Call, name: str) -> bool:
    """Answers whether anything of the pipeline is to be looked at."""
    pipeline = call.shelf(Pipeline).get(name)
    if pipeline is None:
        return False
    said = declared(call, name, pipeline.version)
    polled = [action for action in said["stages"][0]["actions"] if action["configuration"].get("PollForSourceChanges", "true").lower() != "false"]
    for action in polled:
        version = await _version(call, said, action)
        if version is not None:
            call.atomically(lambda action=action, version=version: _note(call, name, action["name"], version))
    return bool(polled)


async def _version(call: Call, said: dict[str, Any], action: dict[str, Any]) -> str | None:
    """None where nothing is to be seen: no object yet, no versions, no permission. What is wrong is told by the action when it runs."""
    bucket, key = action["configuration"]["S3Bucket"], action["configuration"]["S3ObjectKey"]
    try:
        speaker = call.assuming(said["roleArn"], SERVICE, f"codepipeline-{said['name']}"[:64])
        version = (await speaker.ask("s3:HeadObject", Bucket=bucket, Key=key)).get("VersionId")
    except AwsError:
        return None
    return None if version == "null" else version


def _note(call: Call, name: str, action: str, version: str) -> None:
    pipeline = call.shelf(Pipeline).get(name)
    if pipeline is None or pipeline.seen.get(action) == version:
        return
    if any(each.status not in OVER and each.stage == 0 for each in of_pipeline(call, name)):
        return  # An execution is about to read it; what it reads is what was seen.
    call.shelf(Pipeline)[name] = pipeline = changed(pipeline, seen={**pipeline.seen, action: version})
    begin(call, pipeline, "PollForSourceChanges", action)
