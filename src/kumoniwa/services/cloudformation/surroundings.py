"""What a deploy needs of its region: calls as whoever asked for the stack, pauses, answers, exports, and somebody to tell events."""

from __future__ import annotations

import asyncio
from typing import Any

from kumoniwa.deploy.step import Failure
from kumoniwa.kernel import arn as arns
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import ValidationError
from kumoniwa.kernel.record import changed
from kumoniwa.services.cloudformation import answer, event, export, macro, patience
from kumoniwa.services.cloudformation import stack as stacks
from kumoniwa.services.cloudformation.stack import Stack

LOOK_S = 10.0
"""How often the alarms are looked at that may take back what is being done."""
AUTOMATIC = ("ROLLBACK_IN_PROGRESS", "UPDATE_ROLLBACK_IN_PROGRESS")
"""What a stack sets about by itself, which is an operation of its own."""
NESTING = ("cloudformation:CreateStack", "cloudformation:UpdateStack")
"""What a resource of a stack asks when it is a stack itself; it inherits what its parent was allowed."""


class Surroundings:
    """What a deploy needs of its region: `deploy.step.Host`."""

    def __init__(self, call: Call, name: str, *, is_reading: bool = False) -> None:
        """``is_reading`` asks as the caller himself, of a stack that need not be there yet: only a deploy acts as the stack's role."""
        self.call, self.name, self.is_reading = call, name, is_reading

    @property
    def stack(self) -> Stack:
        return self.call.shelf(Stack)[self.name]

    async def ask(self, operation: str, params: dict[str, Any], once: str | None, region: str | None = None) -> dict[str, Any]:
        # What the deploy is about to do must be known to its next life before another region can have done it.
        await self.call.home.store.journal.settled()
        role = "" if self.is_reading else self.stack.role
        if operation in NESTING:
            params = params | {"Capabilities": list(self.stack.wish.capabilities)}
        if operation == NESTING[1]:
            if self.stack.status == "UPDATE_ROLLBACK_IN_PROGRESS" or self.stack.is_before:
                # The template may have changed where it lies. Asked again, it is answered that there is nothing to do.
                params, once = self._as_before(params["StackName"]), None
            else:
                self._remember(params["StackName"])

        async def ask() -> dict[str, Any]:
            call = self.call.assuming(role, stacks.SERVICE, stacks.SESSION) if role else self.call
            return await call.carried_out(stacks.SERVICE).ask(operation, to_region=region, once=once, **params)

        reply = await patience.asked(self.call, ask)
        if operation == NESTING[0]:
            self._adopt(reply["StackId"])
        return reply

    def _remember(self, arn: str) -> None:
        """What a nested stack is, before the first update of the stacks above it that may yet be taken back."""
        child = stacks.find(self.call, arn)
        if child is not None and child.before is None:
            stood = child.previous if child.status == "UPDATE_FAILED" and child.previous is not None else child.wish
            self.call.shelf(Stack)[child.name] = changed(child, before=stood)

    def _as_before(self, arn: str) -> dict[str, Any]:
        child = stacks.find(self.call, arn)
        if child is not None and child.before is None:
            raise ValidationError("No updates are to be performed.")
        return {"StackName": arn, "UsePreviousTemplate": True}

    def _adopt(self, arn: str) -> None:
        """A nested stack knows its parent and the outermost of its ancestors."""
        child, stack = stacks.find(self.call, arn), self.stack
        if child is not None:
            self.call.shelf(Stack)[child.name] = changed(
                child, parent=stack.arn, root=stack.root or stack.arn
            )

    async def pause(self, seconds: float) -> None:
        await asyncio.sleep(seconds)

    def answer_url(self, place: str) -> str:
        return answer.url(self.call, place)

    def place_of(self, url: str) -> str:
        return answer.place_of(self.call, url)

    async def answers(self, place: str, count: int, wait_s: float) -> list[dict[str, Any]]:
        return await answer.heard(self.call, place, count, wait_s)

    def has_macro(self, name: str) -> bool:
        return macro.find(self.call, name) is not None

    def random_name(self, length: int) -> str:
        return self.call.ids.mixed(length)

    def request_id(self) -> str:
        return self.call.ids.uuid()

    def event(
        self,
        logical_id: str,
        type_name: str,
        physical_id: str,
        status: str,
        reason: str,
        properties: dict | None,
    ) -> None:
        stack = self.call.shelf(Stack).get(self.name)
        if type_name == event.STACK and stack is not None and physical_id == stack.arn and status in AUTOMATIC:
            event.begun(self.call, stack, "ROLLBACK", self.call.new_id())
        if stack is None:
            # The last event of a stack's life comes when it is shelved among the deleted.
            stack = stacks.find(self.call, physical_id, is_deleted_too=True)
        event.happened(self.call, stack, logical_id, type_name, physical_id, status, reason, properties)

    def exported(self, name: str) -> str | None:
        found = self.call.shelf(export.Export).get(name)
        return found.value if found is not None else None

    async def watch(self) -> None:
        """A stack that is to be watched stays in progress until its time is over, an alarm sounds, or somebody decides otherwise."""
        stack = self.stack
        until = stack.watched_until or self.call.now() + stack.watched_s
        if stack.watched_s:
            self.call.shelf(Stack)[self.name] = changed(stack, watched_until=until)
        while self.stack.status == stack.status:
            if reason := await self.sounded(stack.triggers):
                raise Failure(reason)
            if self.call.now() >= until:
                return
            await self.call.wait("watch", stack.id, until=min(until, self.call.now() + LOOK_S) if stack.triggers else until)

    async def sounded(self, triggers: tuple[dict[str, str], ...]) -> str:
        """Why what is being done is to be taken back; the texts are ours. An alarm that is not there counts as one that sounds.
        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/using-cfn-rollback-triggers.html"""
        for trigger in triggers:
            alarm, members = (
                arns.parse(trigger["Arn"]),
                {"AWS::CloudWatch::Alarm": "MetricAlarms", "AWS::CloudWatch::CompositeAlarm": "CompositeAlarms"},
            )
            member = members[trigger["Type"]]
            asked = {"AlarmNames": [alarm.resource.removeprefix("alarm:")], "AlarmTypes": [member.removesuffix("s")]}
            found = (await self.ask("cloudwatch:DescribeAlarms", asked, None, alarm.region)).get(member)
            if not found:
                return f"Rollback trigger {trigger['Arn']} does not exist"
            if found[0]["StateValue"] == "ALARM":
                return f"Rollback trigger {trigger['Arn']} is in ALARM state"
        return ""

    def publish(self, outputs: dict[str, dict[str, Any]]) -> None:
        export.publish(self.call, self.stack.arn, outputs)
