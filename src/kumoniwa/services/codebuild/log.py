"""What a build prints, as CloudWatch Logs keeps it: written by the build's role, a few lines at a time."""

from __future__ import annotations

from datetime import UTC, datetime

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.clock import milliseconds
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.codebuild import build as builds
from kumoniwa.services.codebuild.build import Build

LINE_BYTES_MAX = 250_000
LINES_AT_ONCE, BYTES_AT_ONCE = 5_000, 700_000
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/cloudwatch_limits_cwl.html


class Log:
    """``speaker`` is a call as the build's role."""

    def __init__(self, speaker: Call, build: Build) -> None:
        self.speaker, self.place = speaker, builds.log_place(build)
        self.lines: list[tuple[int, str]] = []

    async def open(self) -> None:
        """Make the group and the stream. Raises AwsError where the role may not."""
        if self.place is None:
            return
        group, stream = self.place
        for operation, asked in (
            ("logs:CreateLogGroup", {"logGroupName": group}), ("logs:CreateLogStream", {"logGroupName": group, "logStreamName": stream}),
        ):  # fmt: skip
            try:
                await self.speaker.ask(operation, **asked)
            except AwsError as error:
                if error.code != "ResourceAlreadyExistsException":
                    raise

    def say(self, line: str) -> None:
        self.lines.append((milliseconds(self.speaker.now()), line[:LINE_BYTES_MAX] + "\n"))

    def tell(self, text: str) -> None:
        """A line of the builder's own."""
        self.say(f"[Container] {datetime.fromtimestamp(self.speaker.now(), UTC):%Y/%m/%d %H:%M:%S} {text}")

    async def flush(self) -> None:
        lines, self.lines = self.lines, []
        if self.place is None:
            return
        group, stream = self.place
        while lines:
            count = size = 0
            while count < min(len(lines), LINES_AT_ONCE) and (count == 0 or size + len(lines[count][1].encode()) <= BYTES_AT_ONCE):
                size += len(lines[count][1].encode())
                count += 1
            events = [{"timestamp": at, "message": text} for at, text in lines[:count]]
            del lines[:count]
            await self.speaker.ask("logs:PutLogEvents", logGroupName=group, logStreamName=stream, logEvents=events)
