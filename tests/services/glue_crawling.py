"""A bucket, a database and a role that may read the one and write the other: what crawlers need."""

from __future__ import annotations

import json
from typing import Any

BUCKET = "lake-files"
MAY = ["s3:ListBucket", "s3:GetObject", "glue:*", "logs:*"]


class Lake:
    def __init__(self, cloud) -> None:
        self.cloud, self.glue, self.s3, iam = cloud, cloud.client("glue"), cloud.client("s3"), cloud.client("iam")
        self.s3.create_bucket(Bucket=BUCKET)
        self.glue.create_database(DatabaseInput={"Name": "lake"})
        trust = {"Effect": "Allow", "Principal": {"Service": "glue.amazonaws.com"}, "Action": "sts:AssumeRole"}
        made = iam.create_role(RoleName="crawls", AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}))
        self.role = made["Role"]["Arn"]
        self.may(*MAY)

    def may(self, *actions: str) -> None:
        said = {"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": actions, "Resource": "*"}}
        self.cloud.client("iam").put_role_policy(RoleName="crawls", PolicyName="p", PolicyDocument=json.dumps(said))

    def store(self, key: str, body: bytes | str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=body)

    def make(self, *paths: str, name: str = "c", **more: Any) -> None:
        targets = {"S3Targets": [{"Path": f"s3://{BUCKET}/{path}"} for path in paths]}
        self.glue.create_crawler(**{"Name": name, "Role": "crawls", "DatabaseName": "lake", "Targets": targets, **more})

    def crawl(self, name: str = "c") -> dict[str, Any]:
        """Crawl until it is done; what is told of the last crawl."""
        self.glue.start_crawler(Name=name)
        return self.done(name)

    def done(self, name: str = "c") -> dict[str, Any]:
        for _ in range(600):
            held = self.glue.get_crawler(Name=name)["Crawler"]
            if held["State"] == "READY":
                return held["LastCrawl"]
            self.cloud.sleep(1)
        raise AssertionError("it crawls for ever")

    def found(self, *paths: str, **more: Any) -> dict[str, dict[str, Any]]:
        """The tables that one crawl finds."""
        self.make(*paths, **more)
        last = self.crawl()
        assert last["Status"] == "SUCCEEDED", last
        return self.tables()

    def tables(self) -> dict[str, dict[str, Any]]:
        return {each["Name"]: each for each in self.glue.get_tables(DatabaseName="lake")["TableList"]}

    def partitions(self, table: str) -> list[list[str]]:
        return sorted(each["Values"] for each in self.glue.get_partitions(DatabaseName="lake", TableName=table)["Partitions"])

    def metrics(self, name: str = "c") -> tuple[int, int, int]:
        (found,) = self.glue.get_crawler_metrics(CrawlerNameList=[name])["CrawlerMetricsList"]
        return found["TablesCreated"], found["TablesUpdated"], found["TablesDeleted"]


def columns(table: dict[str, Any]) -> dict[str, str]:
    return {each["Name"]: each["Type"] for each in table["StorageDescriptor"]["Columns"]}


def keys(table: dict[str, Any]) -> list[str]:
    return [each["Name"] for each in table["PartitionKeys"]]
