"""What Glue tells the region's bus: which tables of a database have changed, or which partitions of a table, and how crawls come on.

https://docs.aws.amazon.com/glue/latest/dg/automating-awsglue-with-cloudwatch-events.html. That partitions are told as ``[a, b]`` is recorded.
"""

from __future__ import annotations

from kumoniwa.kernel.call import Call
from kumoniwa.wire import timestamps

DATABASE, TABLE = "Glue Data Catalog Database State Change", "Glue Data Catalog Table State Change"
CRAWLER = "Glue Crawler State Change"


def of_database(call: Call, name: str, tables: list[str] | None = None) -> None:
    """An operation made or deleted the database, or these tables of it."""
    resources = [call.arn(f"table/{name}/{table}", "glue") for table in tables or ()] or [call.arn(f"database/{name}", "glue")]
    call.tell(DATABASE, {"databaseName": name, "typeOfChange": call.operation, "changedTables": tables or [], "resources": resources})


def of_table(call: Call, database: str, name: str, partitions: list[list[str]] | None = None) -> None:
    """An operation changed the table, or these partitions of it."""
    told = [f"[{', '.join(values)}]" for values in partitions or ()]
    said = {"databaseName": database, "tableName": name, "typeOfChange": call.operation, "changedPartitions": told}
    call.tell(TABLE, {**said, "resources": [call.arn(f"table/{database}/{name}", "glue")]})


def of_crawl(call: Call, crawler: str, state: str, **more: str) -> None:
    """Times and numbers are texts, and no resource is told: https://docs.aws.amazon.com/eventbridge/latest/userguide/event-types.html"""
    said, at = {"accountId": call.account, "crawlerName": crawler, "state": state, "message": f"Crawler {state}"}, timestamps.to_second(call.now())
    if state == "Started":
        said["startTime"] = at
    else:
        begin = f"https://console.aws.amazon.com/cloudwatch/home?region={call.region}"
        said["cloudWatchLogLink"] = f"{begin}#logEventViewer:group=/aws-glue/crawlers;stream={crawler}"
    if state == "Succeeded":
        said |= {"completionDate": at, "runningTime (sec)": more.pop("running_s")}
    call.tell(CRAWLER, {**said, **more})
