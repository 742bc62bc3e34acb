"""What an Event API writes into CloudWatch Logs of each publication and each wish to listen.

No source shows the entries themselves; they are written as those of GraphQL APIs are, with what the handlers' code says.
https://docs.aws.amazon.com/appsync/latest/eventapi/event-api-monitoring-cw-logs.html
"""

from __future__ import annotations

from contextlib import contextmanager

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.services.appsync.eventapi import EventApi
from kumoniwa.services.appsync.failure import Failure
from kumoniwa.services.appsync.log import Log


@contextmanager
def of(call: Call, api: EventApi, operation: str, channel: object):
    """The log of one request, which is written when it is over; None where the API has none."""
    settings = api.config.get("logConfig")
    if settings is None:
        yield None
        return
    log = Log(call, api, {"cloudWatchLogsRoleArn": settings["cloudWatchLogsRoleArn"], "fieldLogLevel": settings["logLevel"]})
    log.say("Begin Request")
    log.say(f"Operation: EVENT_{operation.upper()}, Channel: {channel}")
    try:
        yield log
    except (AwsError, Failure) as error:
        text = error.message if isinstance(error, Failure) else error.text
        kind = error.kind if isinstance(error, Failure) else error.code
        log.end([{"message": text, "errorType": kind}], getattr(error, "status", None) or 400)
        raise
    log.end([])
