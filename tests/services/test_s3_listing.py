"""Lists of keys: order, prefixes, delimiters, markers and pages."""

import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    return client


def fill(s3, *keys):
    for key in keys:
        s3.put_object(Bucket="box", Key=key, Body=b"1")


def keys(reply):
    return [each["Key"] for each in reply.get("Contents", [])]


def prefixes(reply):
    return [each["Prefix"] for each in reply.get("CommonPrefixes", [])]


def test_keys_come_in_the_order_of_their_bytes(s3):
    fill(s3, "b", "a", "B", "ü", "\U0001f600", "\uffee", "a/b", "a-b")
    assert keys(s3.list_objects_v2(Bucket="box")) == sorted(
        ["b", "a", "B", "ü", "\U0001f600", "\uffee", "a/b", "a-b"], key=str.encode
    )


def test_a_delimiter_rolls_up(s3):
    fill(s3, "a/1", "a/2", "b", "c/d/1", "c/e/2", "z")
    reply = s3.list_objects_v2(Bucket="box", Delimiter="/")
    assert (keys(reply), prefixes(reply), reply["KeyCount"]) == (["b", "z"], ["a/", "c/"], 4)
    reply = s3.list_objects_v2(Bucket="box", Delimiter="/", Prefix="c/")
    assert (keys(reply), prefixes(reply)) == ([], ["c/d/", "c/e/"])
    assert prefixes(s3.list_objects_v2(Bucket="box", Prefix="c", Delimiter="/")) == ["c/"]


def test_markers_begin_behind_themselves(s3):
    fill(s3, "a", "b", "c/1", "c/2", "d")
    assert keys(s3.list_objects(Bucket="box", Marker="b")) == ["c/1", "c/2", "d"]
    assert keys(s3.list_objects_v2(Bucket="box", StartAfter="bb")) == ["c/1", "c/2", "d"]
    reply = s3.list_objects(Bucket="box", Marker="c/", Delimiter="/")
    assert (keys(reply), prefixes(reply)) == (["d"], [])


def test_pages_say_where_to_go_on(s3):
    fill(s3, *(f"k{n}" for n in range(5)))
    first = s3.list_objects(Bucket="box", MaxKeys=2)
    assert (first["IsTruncated"], "NextMarker" in first) == (True, False)
    with_delimiter = s3.list_objects(Bucket="box", MaxKeys=2, Delimiter="/")
    assert with_delimiter["NextMarker"] == "k1"
    second = s3.list_objects_v2(
        Bucket="box",
        MaxKeys=2,
        ContinuationToken=s3.list_objects_v2(Bucket="box", MaxKeys=2)["NextContinuationToken"],
    )
    assert keys(second) == ["k2", "k3"]
    with pytest.raises(ClientError, match="The continuation token provided is incorrect"):
        s3.list_objects_v2(Bucket="box", ContinuationToken="rubbish")


def test_a_page_of_none_is_empty_and_ends(s3):
    fill(s3, "a")
    reply = s3.list_objects_v2(Bucket="box", MaxKeys=0)
    assert (keys(reply), reply["IsTruncated"], reply["KeyCount"]) == ([], False, 0)


def test_owners_are_told_on_request(s3):
    fill(s3, "a")
    owner = s3.list_buckets()["Owner"]["ID"]
    assert "Owner" not in s3.list_objects_v2(Bucket="box")["Contents"][0]
    assert s3.list_objects_v2(Bucket="box", FetchOwner=True)["Contents"][0]["Owner"] == {"ID": owner}
    assert s3.list_objects(Bucket="box")["Contents"][0]["Owner"] == {"ID": owner}


def rolled_up(all_keys, prefix, delimiter):
    shown = []
    for key in sorted((k for k in all_keys if k.startswith(prefix)), key=str.encode):
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        name = key if at < 0 else key[: at + len(delimiter)]
        if not shown or shown[-1] != name:
            shown.append(name)
    return shown


some_keys = st.lists(
    st.text(alphabet="ab/-\U0010ffff\ud7ff", min_size=1, max_size=6), min_size=1, max_size=25, unique=True
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=some_keys,
    prefix=st.text(alphabet="ab/\U0010ffff", max_size=2),
    delimiter=st.sampled_from(["", "/", "-", "a/", "b"]),
    size=st.integers(1, 4),
)
def test_pages_put_together_are_the_whole(cloud, s3, names, prefix, delimiter, size):
    bucket = f"pages-{len(s3.list_buckets()['Buckets'])}"
    s3.create_bucket(Bucket=bucket)
    for name in names:
        s3.put_object(Bucket=bucket, Key=name)
    wanted = rolled_up(names, prefix, delimiter)
    asked = {"Bucket": bucket, "Prefix": prefix, **({"Delimiter": delimiter} if delimiter else {})}
    for operation in ("list_objects", "list_objects_v2", "list_object_versions"):
        shown = []
        for page in s3.get_paginator(operation).paginate(**asked, PaginationConfig={"PageSize": size}):
            listed = [each["Key"] for each in page.get("Contents", page.get("Versions", []))]
            assert len(listed) + len(prefixes(page)) <= size
            shown += listed + prefixes(page)
        assert sorted(shown, key=str.encode) == wanted, operation
