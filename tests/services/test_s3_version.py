"""Versions: what is kept below what is seen, delete markers, and the lists of both."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from refusals import refusal, refused_status


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    client.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    return client


def put(s3, content, key="k"):
    return s3.put_object(Bucket="box", Key=key, Body=content).get("VersionId")


def body(s3, version=None, key="k"):
    return s3.get_object(Bucket="box", Key=key, **({"VersionId": version} if version else {}))["Body"].read()


def suspend(s3):
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Suspended"})


@pytest.mark.parametrize("size", [1, 100_000])
def test_every_put_is_kept(s3, size):
    first, second = put(s3, b"1" * size), put(s3, b"2" * size)
    assert first != second and len(first) == 32
    assert body(s3) == b"2" * size
    assert body(s3, first) == b"1" * size
    assert s3.head_object(Bucket="box", Key="k")["VersionId"] == second


def test_a_deletion_is_a_marker_that_can_be_taken_away(s3):
    version = put(s3, b"1")
    deleted = s3.delete_object(Bucket="box", Key="k")
    assert deleted["DeleteMarker"] is True
    answer = refusal(s3.get_object, Bucket="box", Key="k")
    assert answer["Error"]["Code"] == "NoSuchKey"
    headers = answer["ResponseMetadata"]["HTTPHeaders"]
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], headers["x-amz-delete-marker"], headers["x-amz-version-id"]) == (404, "true", deleted["VersionId"])
    assert "Contents" not in s3.list_objects_v2(Bucket="box")
    assert body(s3, version) == b"1"
    answer = refusal(s3.get_object, Bucket="box", Key="k", VersionId=deleted["VersionId"])
    assert answer["Error"]["Code"] == "MethodNotAllowed"
    assert (answer["ResponseMetadata"]["HTTPStatusCode"], answer["ResponseMetadata"]["HTTPHeaders"]["x-amz-delete-marker"]) == (405, "true")
    undone = s3.delete_object(Bucket="box", Key="k", VersionId=deleted["VersionId"])
    assert (undone["DeleteMarker"], undone["VersionId"]) == (True, deleted["VersionId"])
    assert body(s3) == b"1"


def test_deleting_the_newest_version_reveals_the_one_before(s3):
    first, second, third = (put(s3, content) for content in (b"1", b"2", b"3"))
    s3.delete_object(Bucket="box", Key="k", VersionId=second)
    assert body(s3) == b"3"
    s3.delete_object(Bucket="box", Key="k", VersionId=third)
    assert body(s3) == b"1"
    s3.delete_object(Bucket="box", Key="k", VersionId=first)
    assert refused_status(s3.get_object, Bucket="box", Key="k") == (404, "NoSuchKey")
    s3.delete_bucket(Bucket="box")


def test_a_version_that_is_not_there(s3):
    gone = put(s3, b"1")
    s3.delete_object(Bucket="box", Key="k", VersionId=gone)
    assert refused_status(s3.get_object, Bucket="box", Key="k", VersionId=gone) == (404, "NoSuchVersion")
    # Recorded: localstack's test_delete_object_versioned.
    assert refused_status(s3.delete_object, Bucket="box", Key="k", VersionId=f"{gone[:-4]}ABCD") == (400, "InvalidArgument")
    assert refused_status(s3.get_object, Bucket="box", Key="k", VersionId="rubbish") == (400, "InvalidArgument")
    assert (
        s3.delete_object(Bucket="box", Key="k", VersionId=gone)["ResponseMetadata"]["HTTPStatusCode"]
        == 204
    )


def test_what_was_there_before_versioning_is_the_null_version(cloud):
    s3 = cloud.client("s3")
    s3.create_bucket(Bucket="box")
    assert put(s3, b"old") is None
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    put(s3, b"new")
    assert (body(s3), body(s3, "null")) == (b"new", b"old")


def test_a_suspended_bucket_replaces_only_its_null_version(s3):
    kept = put(s3, b"kept")
    suspend(s3)
    assert put(s3, b"null 1") is None
    put(s3, b"null 2")
    assert (body(s3), body(s3, "null"), body(s3, kept)) == (b"null 2", b"null 2", b"kept")
    listed = s3.list_object_versions(Bucket="box")["Versions"]
    assert [(each["VersionId"], each["IsLatest"]) for each in listed] == [("null", True), (kept, False)]
    gone = s3.delete_object(Bucket="box", Key="k")
    assert (gone["DeleteMarker"], gone["VersionId"]) == (True, "null")
    listed = s3.list_object_versions(Bucket="box")
    assert [each["VersionId"] for each in listed["Versions"]] == [kept]
    assert [(each["VersionId"], each["IsLatest"]) for each in listed["DeleteMarkers"]] == [("null", True)]


def test_lists_page_through_versions_of_one_key(s3):
    versions = [put(s3, str(n).encode()) for n in range(5)]
    put(s3, b"", "z")
    pages = list(
        s3.get_paginator("list_object_versions").paginate(Bucket="box", PaginationConfig={"PageSize": 2})
    )
    listed = [
        (each["Key"], each["VersionId"], each["IsLatest"]) for page in pages for each in page["Versions"]
    ]
    assert [version for key, version, _ in listed if key == "k"] == versions[::-1]
    assert [latest for *_, latest in listed] == [True, False, False, False, False, True]
    assert [len(page["Versions"]) for page in pages] == [2, 2, 2]


def test_copying_an_old_version_brings_it_back(s3):
    old = put(s3, b"old")
    put(s3, b"new")
    made = s3.copy_object(Bucket="box", Key="k", CopySource={"Bucket": "box", "Key": "k", "VersionId": old})
    assert made["CopySourceVersionId"] == old
    assert body(s3) == b"old"


def test_many_are_deleted_with_their_versions_told(s3):
    version = put(s3, b"1", "a")
    put(s3, b"1", "b")
    told = s3.delete_objects(
        Bucket="box",
        Delete={
            "Objects": [{"Key": "a", "VersionId": version}, {"Key": "b"}, {"Key": "c", "VersionId": "bad"}]
        },
    )
    assert {each["Key"]: "DeleteMarkerVersionId" in each for each in told["Deleted"]} == {
        "a": False,
        "b": True,
    }
    assert [(each["Key"], each["Code"]) for each in told["Errors"]] == [("c", "NoSuchVersion")]


class Model:
    """What a bucket should hold: for each key its versions, newest first."""

    def __init__(self):
        self.status, self.keys = "", {}

    def put(self, key, id, content):
        versions = self.keys.setdefault(key, [])
        if id == "null":
            versions[:] = [each for each in versions if each[0] != "null"]
        versions.insert(0, (id, content))

    def remove(self, key, id):
        self.keys[key] = [each for each in self.keys.get(key, []) if each[0] != id]

    def live(self):
        return {
            key: versions[0][1]
            for key, versions in self.keys.items()
            if versions and versions[0][1] is not None
        }


steps = st.lists(
    st.tuples(
        st.sampled_from(["put", "put", "delete", "delete version", "Enabled", "Suspended"]),
        st.sampled_from("ab"),
        st.integers(0, 3),
    ),
    max_size=25,
)


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(steps=steps)
def test_a_bucket_is_what_its_history_says(cloud, steps):
    s3, model = cloud.client("s3"), Model()
    name = f"box-{cloud.now()}".replace(".", "-") + str(len(s3.list_buckets()["Buckets"]))
    s3.create_bucket(Bucket=name)
    for number, (step, key, choice) in enumerate(steps):
        if step in ("Enabled", "Suspended"):
            s3.put_bucket_versioning(Bucket=name, VersioningConfiguration={"Status": step})
            model.status = step
        elif step == "put":
            content = str(number).encode() * (1 if choice else 70_000)
            model.put(
                key, s3.put_object(Bucket=name, Key=key, Body=content).get("VersionId", "null"), content
            )
        elif step == "delete":
            gone = s3.delete_object(Bucket=name, Key=key)
            if model.status:
                model.put(key, gone["VersionId"], None)
            else:
                model.remove(key, "null")
        elif model.keys.get(key):
            id = model.keys[key][choice % len(model.keys[key])][0]
            s3.delete_object(Bucket=name, Key=key, VersionId=id)
            model.remove(key, id)
    listed = s3.list_objects_v2(Bucket=name).get("Contents", [])
    assert {each["Key"]: each["Size"] for each in listed} == {
        key: len(content) for key, content in model.live().items()
    }
    for key, content in model.live().items():
        assert s3.get_object(Bucket=name, Key=key)["Body"].read() == content
    told = s3.list_object_versions(Bucket=name)
    shown = {(e["Key"], e["VersionId"], e["IsLatest"], False) for e in told.get("Versions", [])}
    shown |= {(e["Key"], e["VersionId"], e["IsLatest"], True) for e in told.get("DeleteMarkers", [])}
    assert shown == {
        (key, id, n == 0, content is None)
        for key, versions in model.keys.items()
        for n, (id, content) in enumerate(versions)
    }


def test_a_list_goes_on_although_its_marker_is_gone(s3):
    versions = [put(s3, str(n).encode()) for n in range(5)]
    seen = []
    asked = {"Bucket": "box", "MaxKeys": 2}
    while True:
        page = s3.list_object_versions(**asked)
        for each in page.get("Versions", []):
            seen.append(each["VersionId"])
            s3.delete_object(Bucket="box", Key="k", VersionId=each["VersionId"])
        if not page["IsTruncated"]:
            break
        asked |= {"KeyMarker": page["NextKeyMarker"], "VersionIdMarker": page["NextVersionIdMarker"]}
    assert seen == versions[::-1]
    s3.delete_bucket(Bucket="box")
