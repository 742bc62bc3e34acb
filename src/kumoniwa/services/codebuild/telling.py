"""What builds tell the region's bus: that they begin and end, and each phase that is over.

https://docs.aws.amazon.com/codebuild/latest/userguide/sample-build-notifications-ref.html, and where events recorded since say more,
as they do: a build is told as submitted, without its phases, and before it has a log.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from kumoniwa.kernel.call import Call
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.services.codebuild.build import Build

STATE, PHASE = "CodeBuild Build State Change", "CodeBuild Build Phase Change"
_HUMP = re.compile("[A-Z]")


def of_state(call: Call, build: Build, shown: dict[str, Any]) -> None:
    """The build has begun, or is over."""
    call.tell(STATE, {
        "build-status": build.status, "project-name": build.project, "build-id": shown["arn"], "additional-information": _more(build, shown),
        "current-phase": build.phase if shown["buildComplete"] else "SUBMITTED",
        # Also of builds that failed: what went wrong is told of the phase it went wrong in.
        "current-phase-context": "[: ]" if shown["buildComplete"] else "[]",
        "version": "1",
    })  # fmt: skip


def of_phase(call: Call, build: Build, shown: dict[str, Any], phase: dict[str, Any]) -> None:
    """The phase is over, and with it the build is not yet."""
    call.tell(PHASE, {
        "completed-phase": phase["phaseType"], "project-name": build.project, "build-id": shown["arn"],
        "completed-phase-context": f"[{', '.join(_contexts(phase))}]",
        "additional-information": {**_more(build, shown), "build-complete": False, "phases": [_phase(each) for each in build.phases]},
        "completed-phase-status": phase["phaseStatus"], "completed-phase-duration-seconds": phase["durationInSeconds"], "version": "1",
        "completed-phase-start": timestamps.medium(phase["startTime"]), "completed-phase-end": timestamps.medium(phase["endTime"]),
    })  # fmt: skip


def _dashed(value: Any) -> Any:
    """With names as events spell them."""
    if isinstance(value, dict):
        return {_HUMP.sub(lambda found: f"-{found[0].lower()}", name): _dashed(each) for name, each in value.items()}
    return [_dashed(each) for each in value] if isinstance(value, list) else value


def _more(build: Build, shown: dict[str, Any]) -> dict[str, Any]:
    is_provisioned = any((each["phaseType"], each.get("phaseStatus")) == ("PROVISIONING", "SUCCEEDED") for each in build.phases)
    logs = {name: each for name, each in shown["logs"].items() if name != "cloudWatchLogsArn"}
    region = shown["arn"].split(":")[3]
    unlogged = {"deepLink": f"https://console.aws.amazon.com/cloudwatch/home?region={region}#logEvent:group=null;stream=null"}
    told = {
        "cache": shown["cache"], "buildNumber": build.number, "timeoutInMinutes": shown["timeoutInMinutes"],
        "buildComplete": shown["buildComplete"], "initiator": build.initiator, "source": shown["source"], "artifact": shown["artifacts"],
        "environment": shown["environment"], "logs": logs if logs and is_provisioned else unlogged, "queuedTimeoutInMinutes": shown["queuedTimeoutInMinutes"],
    }  # fmt: skip
    more = {**_dashed(told), "build-start-time": timestamps.medium(build.started)}
    if build.source_version:
        more["source-version"] = build.source_version
    return more | ({"phases": [_phase(each) for each in build.phases]} if shown["buildComplete"] else {})


def _contexts(phase: dict[str, Any]) -> list[str]:
    """None of what goes before the build; all others say at least that nothing went wrong."""
    return [f"{each['statusCode']}: {each['message']}" for each in phase.get("contexts", ())]


def _phase(phase: dict[str, Any]) -> dict[str, Any]:
    begun = {"phase-type": phase["phaseType"], "start-time": timestamps.medium(phase["startTime"])}
    if "endTime" not in phase:
        return begun
    return {
        "phase-context": _contexts(phase), **begun, "end-time": timestamps.medium(phase["endTime"]),
        "duration-in-seconds": phase["durationInSeconds"], "phase-status": phase["phaseStatus"],
    }  # fmt: skip
