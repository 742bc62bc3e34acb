"""Objects of all sizes, one that is overwritten again and again, and uploads in parts."""

import contextlib

from worker import REGION, Worker

PART_BYTES = 5 << 20


def body(name: str, size: int) -> bytes:
    return (name.encode() + b"|") * (size // (len(name) + 1) + 1)


class Storer(Worker):
    """Puts, overwrites and deletes; reads back whole what was acknowledged."""

    def prepare(self) -> None:
        self.s3, self.stored, self.deleted, self.version = self.client("s3"), {}, set(), 0

    def act(self, name: str) -> None:
        size = self.random.choice((0, 10, 5_000, 300_000, 2_000_000))
        self.s3.put_object(Bucket="things", Key=name, Body=body(name, size))
        self.stored[name] = size
        self.s3.put_object(Bucket="things", Key=f"over{self.number}", Body=body(str(self.version + 1), 100_000))
        self.version += 1
        if self.random.random() < 0.3:
            del self.stored[name]
            self.s3.delete_object(Bucket="things", Key=name)
            self.deleted.add(name)


class Assembler(Worker):
    """Uploads in two parts. Completed and acknowledged, an object is whole; not completed, it is not there."""

    def prepare(self) -> None:
        self.s3, self.stored, self.perhaps = self.client("s3"), set(), set()

    def act(self, name: str) -> None:
        upload = {"Bucket": "things", "Key": name}
        upload["UploadId"] = self.s3.create_multipart_upload(**upload)["UploadId"]
        parts = []
        for number, part in enumerate((body(name, PART_BYTES), body(name, 1000)), 1):
            tag = self.s3.upload_part(**upload, PartNumber=number, Body=part)["ETag"]
            parts.append({"PartNumber": number, "ETag": tag})
        self.perhaps.add(name)
        self.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
        self.stored.add(name)


def begin(cloud) -> list[Worker]:
    cloud.client("s3", REGION).create_bucket(Bucket="things")
    return [Storer(cloud, 20), Assembler(cloud, 21)]


def check(cloud, workers: list[Worker]) -> None:
    storer, assembler = workers
    s3 = cloud.client("s3", REGION)

    def read(key: str) -> bytes:
        return s3.get_object(Bucket="things", Key=key)["Body"].read()

    for name, size in storer.stored.items():
        assert read(name) == body(name, size), name
    with contextlib.suppress(s3.exceptions.NoSuchKey):
        versions = (storer.version, storer.version + 1)
        assert read(f"over{storer.number}") in [body(str(version), 100_000) for version in versions]
    pages = s3.get_paginator("list_objects_v2").paginate(Bucket="things")
    listed = {each["Key"] for page in pages for each in page.get("Contents", ())}
    assert not listed & storer.deleted, "a deletion was acknowledged and the object came back"
    assembled = {key for key in listed if key.startswith(f"{assembler.number}-")}
    assert assembler.stored <= assembled <= assembler.perhaps
    for name in assembled:
        assert read(name) == body(name, PART_BYTES) + body(name, 1000), name
