"""What S3 was recorded to refuse, and its words: each test names localstack's whose recording it is."""

from __future__ import annotations

import re

import pytest
from botocore.exceptions import ClientError
from refusals import refusal
from services.customer_keys import allow_customer_keys

UNKNOWN = "HPniJFCxqTsMuIH9KX8K8wEjNUgmABCD"
KEY = "k" * 32


@pytest.fixture
def s3(cloud):
    client = cloud.client("s3")
    client.create_bucket(Bucket="box")
    client.put_object(Bucket="box", Key="k", Body=b"0123456789")
    return client


def claimed() -> dict[str, str]:
    """The headers of a request by the account."""
    scope = "Credential=test/20300101/us-east-1/s3/aws4_request, SignedHeaders=host"
    return {"authorization": f"AWS4-HMAC-SHA256 {scope}, Signature={'0' * 64}", "x-amz-date": "20300101T000000Z"}


def error_of(method, **params) -> dict:
    """The status and the error with all its members."""
    answer = refusal(method, **params)
    return {"status": answer["ResponseMetadata"]["HTTPStatusCode"], **answer["Error"]}


def test_a_version_id_that_nobody_gave_is_invalid_and_not_unknown(s3):
    """test_get_object_with_version_unversioned_bucket, test_delete_object, test_delete_objects."""
    asked = {"Bucket": "box", "Key": "k", "VersionId": UNKNOWN}
    invalid = {
        "status": 400, "Code": "InvalidArgument", "Message": "Invalid version id specified", "ArgumentName": "versionId",
        "ArgumentValue": UNKNOWN,
    }  # fmt: skip
    assert error_of(s3.get_object, **asked) == error_of(s3.delete_object, **asked) == invalid
    told = s3.delete_objects(Bucket="box", Delete={"Objects": [{"Key": "k", "VersionId": UNKNOWN}]})
    assert told["Errors"] == [
        {"Code": "NoSuchVersion", "Key": "k", "Message": "The specified version does not exist.", "VersionId": UNKNOWN}
    ]
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    own = s3.put_object(Bucket="box", Key="other")["VersionId"]
    assert error_of(s3.get_object, Bucket="box", Key="k", VersionId=own)["Code"] == "NoSuchVersion"


@pytest.mark.parametrize("account", ["0000", "0000000000020", "abcd", "aa000000000$"])
def test_an_expected_owner_is_an_account(s3, account):
    """test_get_bucket_policy_invalid_account_id."""
    assert error_of(s3.get_bucket_policy, Bucket="box", ExpectedBucketOwner=account) == {
        "status": 400, "Code": "InvalidBucketOwnerAWSAccountID",
        "Message": f"The value of the expected bucket owner parameter must be an AWS Account ID... [{account}]",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "header", "more"),
    [
        ({"IfMatch": '"x"', "IfNoneMatch": "*"}, "If-Match,If-None-Match", "Multiple conditional request headers present in the request"),
        ({"IfNoneMatch": '"x"'}, "If-None-Match", "We don't accept the provided value of If-None-Match header for this API"),
        ({"IfMatch": "*"}, "If-Match", "We don't accept the provided value of If-Match header for this API"),
    ],
)
def test_conditions_that_no_write_knows_are_told_before_the_key_is_looked_for(s3, given, header, more):
    """test_put_object_if_match_validation, test_copy_object_precondition_write_validation."""
    expected = {
        "status": 501, "Code": "NotImplemented", "Message": "A header you provided implies functionality that is not implemented",
        "Header": header, "additionalMessage": more,
    }  # fmt: skip
    assert error_of(s3.put_object, Bucket="box", Key="new", **given) == expected
    assert error_of(s3.copy_object, Bucket="box", Key="new", CopySource="box/k", **given) == expected


def test_customer_keys_are_refused_under_one_name(s3):
    """test_put_object_validation_sse_c, test_object_retrieval_sse_c."""
    allow_customer_keys(s3, "box")
    wrong = error_of(s3.put_object, Bucket="box", Key="s", SSECustomerAlgorithm="KMS", SSECustomerKey=KEY)
    assert wrong["Message"] == "The Encryption request you specified is not valid. Supported value: AES256."
    assert (wrong["ArgumentName"], wrong["ArgumentValue"]) == ("x-amz-server-side-encryption", "KMS")
    own = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
    both = error_of(s3.put_object, Bucket="box", Key="s", **own | {"SSECustomerAlgorithm": "KMS"}, ServerSideEncryption="AES256")
    assert (both["Code"], both["ArgumentValue"]) == ("InvalidArgument", "AES256")
    s3.put_object(Bucket="box", Key="s", **own)
    for key in "o" * 32, "o" * 44:
        other = error_of(s3.get_object, Bucket="box", Key="s", **own | {"SSECustomerKey": key})
        assert (other["status"], other["Code"], other["Message"]) == (
            403, "AccessDenied",
            "Requests specifying Server Side Encryption with Customer provided keys must provide the correct secret key.",
        )  # fmt: skip
    upload = {"Bucket": "box", "Key": "m", "UploadId": s3.create_multipart_upload(Bucket="box", Key="m")["UploadId"]}
    assert error_of(s3.upload_part, **upload, PartNumber=1, **own)["Message"].startswith("The multipart upload initiate requested encryption.")


def test_a_range_of_a_copy_begins_within_its_source(s3):
    """test_upload_part_copy_range."""
    upload = {"Bucket": "box", "Key": "m", "UploadId": s3.create_multipart_upload(Bucket="box", Key="m")["UploadId"]}
    copy = {**upload, "PartNumber": 1, "CopySource": "box/k"}
    assert error_of(s3.upload_part_copy, **copy, CopySourceRange="bytes=100-200") == {
        "status": 400, "Code": "InvalidRequest", "Message": "The specified copy range is invalid for the source object size",
    }  # fmt: skip
    assert error_of(s3.upload_part_copy, **copy, CopySourceRange="bytes=0-10")["Code"] == "InvalidArgument"


def test_words_of_configurations(s3):
    """test_s3_transition_default_minimum_object_size, test_put_object_legal_hold_exc, test_object_tagging_exc."""
    rules = {"Rules": [{"ID": "a", "Status": "Enabled", "Filter": {"Prefix": ""}, "Expiration": {"Days": 1}}]}
    wrong = {"Bucket": "box", "LifecycleConfiguration": rules, "TransitionDefaultMinimumObjectSize": "value"}
    assert error_of(s3.put_bucket_lifecycle_configuration, **wrong) == {
        "status": 400, "Code": "InvalidRequest", "Message": "Invalid TransitionDefaultMinimumObjectSize found: value",
    }  # fmt: skip
    s3.create_bucket(Bucket="vault", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="vault", Key="k")
    assert error_of(s3.put_object_legal_hold, Bucket="vault", Key="k")["Code"] == "MalformedXML"
    raw = error_of(s3.put_object, Bucket="box", Key="k", Tagging="key1=val1,key2=val2")
    assert (raw["Code"], raw["ArgumentName"], raw["ArgumentValue"]) == ("InvalidArgument", "x-amz-tagging", "key1=val1,key2=val2")
    digest = error_of(s3.put_object, Bucket="box", Key="k", Body=b"", ContentMD5="nonsense")
    assert (digest["Code"], digest["Message"]) == ("InvalidDigest", "The Content-MD5 you specified was invalid.")


def test_a_page_that_goes_on_does_not_tell_where_the_list_began(s3):
    """test_list_objects_v2_continuation_start_after."""
    for number in range(4):
        s3.put_object(Bucket="box", Key=f"n{number}")
    first = s3.list_objects_v2(Bucket="box", StartAfter="n0", MaxKeys=1)
    assert first["StartAfter"] == "n0"
    second = s3.list_objects_v2(Bucket="box", StartAfter="n0", MaxKeys=1, ContinuationToken=first["NextContinuationToken"])
    assert [each["Key"] for each in second["Contents"]] == ["n2"] and "StartAfter" not in second


def test_an_upload_is_looked_for_before_its_parts_are_counted(s3):
    """test_multipart_no_such_upload, test_multipart_complete_multipart_too_small."""
    asked = {"Bucket": "box", "Key": "m"}
    assert error_of(s3.complete_multipart_upload, **asked, UploadId="fakeid")["Code"] == "NoSuchUpload"
    id = s3.create_multipart_upload(**asked)["UploadId"]
    assert error_of(s3.complete_multipart_upload, **asked, UploadId=id) == {
        "status": 400, "Code": "InvalidRequest", "Message": "You must specify at least one part",
    }  # fmt: skip
    assert error_of(s3.complete_multipart_upload, **asked, UploadId=id, MultipartUpload={"Parts": []})["Code"] == "MalformedXML"


def test_a_delete_marker_has_no_tags_and_takes_no_grants(s3):
    """test_object_tagging_versioned, test_put_object_acl_on_delete_marker."""
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    s3.delete_object(Bucket="box", Key="k")
    asked = {"Bucket": "box", "Key": "k"}
    for method, verb, more in (
        (s3.get_object_tagging, "GET", {}), (s3.delete_object_tagging, "DELETE", {}), (s3.put_object_acl, "PUT", {"ACL": "private"}),
    ):  # fmt: skip
        told = error_of(method, **asked, **more)
        assert (told["status"], told["Code"], told["Method"], told["ResourceType"]) == (405, "MethodNotAllowed", verb, "DeleteMarker")
    assert error_of(s3.get_object_acl, **asked)["Code"] == error_of(s3.get_object, **asked)["Code"] == "NoSuchKey"


def test_a_date_to_come_is_no_condition(cloud, s3):
    """test_s3_get_object_preconditions."""
    asked = {"Bucket": "box", "Key": "k"}
    assert s3.get_object(**asked, IfModifiedSince=cloud.now() + 3600)["Body"].read() == b"0123456789"
    s3.copy_object(Bucket="box", Key="copy", CopySource="box/k", CopySourceIfModifiedSince=cloud.now() + 3600)
    assert error_of(s3.get_object, **asked, IfModifiedSince=cloud.now())["status"] == 304


def test_a_range_of_everything_tells_the_checksum(s3):
    """test_get_object_range."""
    s3.put_object(Bucket="box", Key="k", Body=b"0123456789", ChecksumAlgorithm="CRC32")
    asked = {"Bucket": "box", "Key": "k", "ChecksumMode": "ENABLED"}
    assert all("ChecksumCRC32" in s3.get_object(**asked, Range=range_) for range_ in ("bytes=-15", "bytes=0-100"))
    assert "ChecksumCRC32" not in s3.get_object(**asked, Range="bytes=1-100")


FILES = ("folder/aSubfolder/subFile1", "folder/aSubfolder/subFile2", "folder/file1", "folder/file2")


def test_a_marker_within_a_common_prefix_stands_for_all_of_it(s3):
    """test_list_objects_marker_common_prefixes, test_list_object_versions_pagination_common_prefixes."""
    for key in FILES:
        s3.put_object(Bucket="box", Key=key)
    asked = {"Bucket": "box", "Prefix": "folder/", "Delimiter": "/", "MaxKeys": 1}
    page = s3.list_objects(**asked, Marker=FILES[0])
    assert ([each["Key"] for each in page["Contents"]], page.get("CommonPrefixes")) == (["folder/file1"], None)
    page = s3.list_object_versions(**asked, KeyMarker=FILES[0])
    assert ([each["Key"] for each in page["Versions"]], page["NextKeyMarker"]) == (["folder/file1"], "folder/file1")


def test_lists_of_uploads_tell_the_last_of_them(s3):
    """test_list_multiparts_next_marker, test_list_multipart_uploads_marker_common_prefixes."""
    empty = s3.list_multipart_uploads(Bucket="box")
    assert (empty["NextKeyMarker"], empty["NextUploadIdMarker"], "Prefix" in empty) == ("", "", False)
    ids = {key: s3.create_multipart_upload(Bucket="box", Key=key)["UploadId"] for key in FILES}
    everything = s3.list_multipart_uploads(Bucket="box")
    assert (everything["IsTruncated"], everything["NextKeyMarker"]) == (False, FILES[-1])
    assert everything["NextUploadIdMarker"] == ids[FILES[-1]]
    asked = {"Bucket": "box", "Prefix": "folder/", "Delimiter": "/", "MaxUploads": 1}
    first = s3.list_multipart_uploads(**asked)
    assert (first["CommonPrefixes"], first["IsTruncated"], first["NextKeyMarker"]) == ([{"Prefix": "folder/aSubfolder/"}], True, "")
    for marker in ("folder/aSubfolder/", FILES[0]):
        page = s3.list_multipart_uploads(**asked, KeyMarker=marker)
        assert ([each["Key"] for each in page["Uploads"]], page["NextKeyMarker"]) == (["folder/file1"], "folder/file1")
    assert error_of(s3.list_multipart_uploads, Bucket="box", KeyMarker=FILES[1], UploadIdMarker=ids[FILES[0]]) == {
        "status": 400, "Code": "InvalidArgument", "Message": "Invalid uploadId marker", "ArgumentName": "upload-id-marker",
        "ArgumentValue": ids[FILES[0]],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("given", "code", "name", "value"),
    [
        ({"GrantRead": 'id="wrong-id"'}, "InvalidArgument", "id", "wrong-id"),
        ({"GrantRead": "uri=http://nobody"}, "InvalidArgument", "uri", "http://nobody"),
        ({"GrantWrite": 'fakekey="1234"'}, "InvalidArgument", "x-amz-grant-write", 'fakekey="1234"'),
        ({"Grantee": {"Type": "CanonicalUser", "ID": "wrong-id"}}, "InvalidArgument", "CanonicalUser/ID", "wrong-id"),
        ({"Grantee": {"Type": "Group", "URI": "http://nobody"}}, "InvalidArgument", "Group/URI", "http://nobody"),
        ({"Grantee": {"Type": "Group", "URI": "http://nobody"}, "ACL": "private"}, "UnexpectedContent", None, None),
    ],
)
def test_who_is_granted_nothing_is_named_where_it_stands(s3, given, code, name, value):
    """test_s3_bucket_acl_exceptions."""
    s3.create_bucket(Bucket="listed", ObjectOwnership="BucketOwnerPreferred")
    given = dict(given)
    grantee = given.pop("Grantee", None)
    if grantee is not None:
        owner = s3.get_bucket_acl(Bucket="listed")["Owner"]
        given |= {"AccessControlPolicy": {"Owner": owner, "Grants": [{"Grantee": grantee, "Permission": "READ"}]}}
    told = error_of(s3.put_bucket_acl, Bucket="listed", **given)
    assert (told["Code"], told.get("ArgumentName"), told.get("ArgumentValue")) == (code, name, value)


def test_an_encryption_is_chosen_only_by_who_makes_an_object(s3):
    """As AWS answers clients that add the header to all they ask: https://github.com/ClickHouse/ClickHouse/issues/64570"""
    upload = {"Bucket": "box", "Key": "k", "UploadId": s3.create_multipart_upload(Bucket="box", Key="k")["UploadId"]}
    etag = s3.upload_part(PartNumber=1, Body=b"x", **upload)["ETag"]
    s3.meta.events.register("before-call.s3", lambda params, **_: params["headers"].update({"x-amz-server-side-encryption": "AES256"}))
    refused = {
        "status": 400, "Code": "InvalidArgument", "Message": "x-amz-server-side-encryption header is not supported for this operation.",
        "ArgumentName": "x-amz-server-side-encryption", "ArgumentValue": "AES256",
    }  # fmt: skip
    assert error_of(s3.get_object, Bucket="box", Key="k") == refused
    assert error_of(s3.head_object, Bucket="box", Key="k")["status"] == 400
    assert error_of(s3.upload_part, PartNumber=1, Body=b"x", **upload) == refused
    assert error_of(s3.complete_multipart_upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **upload) == refused
    s3.put_object(Bucket="box", Key="k", Body=b"y")


def test_an_answer_has_two_ids_and_tells_who_served_it(cloud, s3):
    """test_get_range_object_headers; the second id stands in refusals too."""
    told = s3.head_object(Bucket="box", Key="k")["ResponseMetadata"]
    assert told["HTTPHeaders"]["server"] == "AmazonS3" and told["HTTPHeaders"]["x-amz-id-2"] == told["HostId"]
    with pytest.raises(ClientError) as refused:
        s3.get_object(Bucket="box", Key="nothing")
    metadata = refused.value.response["ResponseMetadata"]
    assert metadata["HostId"] == metadata["HTTPHeaders"]["x-amz-id-2"] != told["HostId"]
    _, headers, body = cloud.http("OPTIONS", "/box/k", headers={"origin": "http://a", "access-control-request-method": "GET"})
    assert f"<HostId>{headers['x-amz-id-2']}</HostId>" in body.decode() and headers["Server"] == "AmazonS3"


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        ("=?UTF-8?Q?actually-ascii?=", "actually-ascii"),
        ("=?UTF-8?B?YWJj?=", "abc"),
        ("=?UTF-8?B?w4RNw4Raw5XDkSBTMw==?=", "=?UTF-8?Q?=C3=84M=C3=84Z=C3=95=C3=91_S3?="),
        ("=?UTF-8?Q?=5F=E2=80=94=5F2=3F.pdf?=", "=?UTF-8?Q?=5F=E2=80=94=5F2=3F.pdf?="),
        ("=?UTF-8?B?AAECAw==?=", "=?UTF-8?B?AAECAw==?="),
        ("=?nothing?Q?x?=", "=?nothing?Q?x?="),
    ],
)
def test_metadata_beyond_ascii_travels_in_encoded_words(s3, sent, told):
    """test_user_metadata_rfc2047_encoded."""
    s3.put_object(Bucket="box", Key="k", Metadata={"m": sent})
    assert s3.head_object(Bucket="box", Key="k")["Metadata"] == s3.get_object(Bucket="box", Key="k")["Metadata"] == {"m": told}


@pytest.mark.parametrize(
    ("wrong", "code", "words"),
    [
        ({"RoutingRules": []}, "MalformedXML", "The XML you provided was not well-formed"),
        ({"RoutingRules": [{"Redirect": {"ReplaceKeyWith": "k"}, "Condition": {}}]}, "InvalidRequest", "Condition cannot be empty."),
        ({"RedirectAllRequestsTo": {"HostName": "h"}}, "InvalidArgument", "RedirectAllRequestsTo cannot be provided in conjunction"),
    ],
)
def test_words_of_websites(s3, wrong, code, words):
    """test_validate_website_configuration."""
    told = error_of(s3.put_bucket_website, Bucket="box", WebsiteConfiguration={"IndexDocument": {"Suffix": "i"}} | wrong)
    assert told["Code"] == code and told["Message"].startswith(words)


def test_words_of_tags_keys_and_locks(cloud, s3):
    """test_create_bucket_with_tags_exc, test_s3_default_bucket_encryption_exc, test_s3_object_retention_exc."""
    tagged = {"Tags": [{"Key": "aws:a", "Value": "b"}]}
    told = error_of(s3.create_bucket, Bucket="tagged", CreateBucketConfiguration=tagged)
    assert told["Code"] == "InvalidTag" and told["Message"].startswith('User-defined tag keys can\'t start with "aws:".') and "TagKey" not in told
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256", "KMSMasterKeyID": "k"}}
    told = error_of(s3.put_bucket_encryption, Bucket="box", ServerSideEncryptionConfiguration={"Rules": [rule]})
    assert (told["Code"], told["ArgumentName"]) == ("InvalidArgument", "ApplyServerSideEncryptionByDefault")
    s3.create_bucket(Bucket="vault", ObjectLockEnabledForBucket=True)
    s3.put_object(Bucket="vault", Key="k")
    assert "Key" not in error_of(s3.get_object_retention, Bucket="vault", Key="k")
    past = {"Mode": "GOVERNANCE", "RetainUntilDate": "2020-01-01T00:00:00Z"}
    assert error_of(s3.put_object_retention, Bucket="vault", Key="k", Retention=past)["ArgumentValue"] == "Tue Dec 31 16:00:00 PST 2019"


def test_a_named_version_does_not_tell_when_it_expires(s3):
    """test_bucket_lifecycle_configuration_object_expiry_versioned; of rules for one day the first is told: test_bucket_lifecycle_multiple_rules."""
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    rules = [{"ID": id, "Filter": {"Prefix": prefix}, "Status": "Enabled", "Expiration": {"Days": 7}} for id, prefix in (("b", "te"), ("a", "t"))]
    s3.put_bucket_lifecycle_configuration(Bucket="box", LifecycleConfiguration={"Rules": rules})
    version = s3.put_object(Bucket="box", Key="test")["VersionId"]
    assert 'rule-id="b"' in s3.head_object(Bucket="box", Key="test")["Expiration"]
    assert "Expiration" not in s3.head_object(Bucket="box", Key="test", VersionId=version)


def test_what_a_customers_key_hides_is_summed_only_if_the_client_says_how(s3):
    """test_multipart_upload_sse_c; the address of what was made is that of its URL: test_multipart_with_unicode_character_location."""
    allow_customer_keys(s3, "box")
    key = {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": KEY}
    upload = {"Bucket": "box", "Key": "a/é", "UploadId": s3.create_multipart_upload(Bucket="box", Key="a/é", **key)["UploadId"]}
    etag = s3.upload_part(PartNumber=1, Body=b"x", **upload, **key)["ETag"]
    told = s3.complete_multipart_upload(MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, **upload)
    assert told["Location"].endswith("/box/a%2F%C3%A9") and not any(name.startswith("Checksum") for name in told)
    read = s3.get_object(Bucket="box", Key="a/é", ChecksumMode="ENABLED", **key)
    assert read["Body"].read() == b"x" and "ChecksumType" not in read
    assert "ChecksumAlgorithm" not in s3.list_objects_v2(Bucket="box", Prefix="a/")["Contents"][0]


def test_a_part_of_what_is_summed_as_a_whole_tells_its_checksum_where_the_client_chose(s3):
    """test_get_object_part_checksum; one of several does not: test_complete_multipart_parts_checksum_full_object."""
    began = s3.create_multipart_upload(Bucket="box", Key="m", ChecksumAlgorithm="CRC32C", ChecksumType="FULL_OBJECT")
    upload = {"Bucket": "box", "Key": "m", "UploadId": began["UploadId"]}
    part = s3.upload_part(PartNumber=1, Body=b"test content 123", ChecksumAlgorithm="CRC32C", **upload)
    listed = [{"PartNumber": 1, "ETag": part["ETag"], "ChecksumCRC32C": part["ChecksumCRC32C"]}]
    s3.complete_multipart_upload(MultipartUpload={"Parts": listed}, **upload)
    read = s3.head_object(Bucket="box", Key="m", PartNumber=1, ChecksumMode="ENABLED")
    assert (read["ChecksumCRC32C"], read["ChecksumType"]) == ("fwuu0Q==", "FULL_OBJECT")
    upload["UploadId"] = s3.create_multipart_upload(Bucket="box", Key="m", ChecksumAlgorithm="CRC32", ChecksumType="FULL_OBJECT")["UploadId"]
    listed = [{"PartNumber": n, "ETag": s3.upload_part(PartNumber=n, Body=body, **upload)["ETag"]} for n, body in ((1, b"x" * (5 << 20)), (2, b"y"))]
    s3.complete_multipart_upload(MultipartUpload={"Parts": listed}, **upload)
    assert "ChecksumType" not in s3.head_object(Bucket="box", Key="m", PartNumber=2, ChecksumMode="ENABLED")


@pytest.mark.parametrize(
    "chosen, part, said, code, words",
    [
        ({"ChecksumAlgorithm": "CRC32"}, {"ChecksumSHA256": "A" * 43 + "="}, {}, "BadDigest",
         "The sha256 you specified for part 1 did not match what we received."),
        ({"ChecksumAlgorithm": "CRC32"}, {}, {"ChecksumType": "FULL_OBJECT"}, "InvalidRequest",
         "The upload was created using the COMPOSITE checksum mode. The complete request must use the same checksum mode."),
        ({"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}, {}, {"ChecksumCRC32": "NSRBwg=="}, "BadDigest",
         "The crc32 you specified did not match the calculated checksum."),
        ({"ChecksumAlgorithm": "CRC32", "ChecksumType": "FULL_OBJECT"}, {}, {"ChecksumSHA1": "A" * 27 + "=", "ChecksumType": "FULL_OBJECT"},
         "BadDigest", "The crc32 you specified did not match the calculated checksum."),
        ({}, {"ChecksumCRC32": "NSRBwg=="}, {}, "InvalidPart", "One or more of the specified parts could not be found."),
        ({}, {}, {"ChecksumType": "COMPOSITE"}, "InvalidRequest",
         "The upload was created using the null checksum mode. The complete request must use the same checksum mode."),
    ],
)  # fmt: skip
def test_checksums_at_the_end_of_an_upload_are_those_it_began_with(s3, chosen, part, said, code, words):
    """test_multipart_parts_checksum_exceptions_composite and …_full_object, test_complete_multipart_parts_checksum_default."""
    upload = {"Bucket": "box", "Key": "m", "UploadId": s3.create_multipart_upload(Bucket="box", Key="m", **chosen)["UploadId"]}
    etag = s3.upload_part(PartNumber=1, Body=b"abc", **upload)["ETag"]
    told = error_of(s3.complete_multipart_upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag, **part}]}, **upload, **said)
    assert told["Code"] == code and told["Message"].startswith(words)


def test_what_was_expected_of_a_part_is_told_as_it_was_said(s3):
    """test_s3_invalid_content_md5."""
    wrong = {"Bucket": "box", "Key": "m", "Body": b"x", "ContentMD5": "CYketZBSTjX8czcs3cXVlg=="}
    id = s3.create_multipart_upload(Bucket="box", Key="m")["UploadId"]
    assert error_of(s3.upload_part, UploadId=id, PartNumber=1, **wrong)["ExpectedDigest"] == "CYketZBSTjX8czcs3cXVlg=="
    assert error_of(s3.put_object, **wrong)["ExpectedDigest"] == "09891eb590524e35fc73372cddc5d596"


def test_a_key_without_tags_is_named_with_its_bucket(s3):
    """test_object_tagging_exc."""
    assert error_of(s3.get_object_tagging, Bucket="box", Key="none")["Key"] == "box/none"
    assert error_of(s3.delete_object_tagging, Bucket="box", Key="none")["Key"] == "none"


def test_the_owner_of_a_list_has_an_id(s3):
    """test_s3_object_acl_exceptions, test_s3_bucket_acl_exceptions."""
    policy = {"Owner": {"ID": "wrong-id"}, "Grants": []}
    assert error_of(s3.put_object_acl, Bucket="box", Key="k", AccessControlPolicy=policy) == {
        "status": 400, "Code": "InvalidArgument", "Message": "Invalid id", "ArgumentName": "CanonicalUser/ID", "ArgumentValue": "wrong-id",
    }  # fmt: skip
    assert error_of(s3.put_object_acl, Bucket="box", Key="k", ACL="fake-acl")["Message"] is None


def test_a_bucket_is_not_made_again_with_tags(s3):
    """test_create_bucket_with_tags_us_east_1_idempotency."""
    s3.create_bucket(Bucket="box", CreateBucketConfiguration={"Tags": []})
    tagged = {"Tags": [{"Key": "a", "Value": "b"}]}
    assert error_of(s3.create_bucket, Bucket="box", CreateBucketConfiguration=tagged)["Code"] == "BucketAlreadyOwnedByYou"


def test_the_source_of_a_copy_may_be_a_url(cloud, s3):
    """test_response_structure, test_s3_timestamp_precision."""
    assert cloud.http("PUT", "/box/copy", headers=claimed() | {"x-amz-copy-source": "http://localhost:4566/box/k"})[0] == 200
    assert s3.get_object(Bucket="box", Key="copy")["Body"].read() == b"0123456789"


def test_a_version_becomes_the_latest_between_two_pages(s3):
    """test_list_objects_versions_with_prefix_only_and_pagination."""
    s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": "Enabled"})
    ids = [s3.put_object(Bucket="box", Key="v")["VersionId"] for _ in range(3)]
    first = s3.list_object_versions(Bucket="box", Prefix="v", MaxKeys=1)
    s3.delete_object(Bucket="box", Key="v", VersionId=ids[2])
    asked = {"Bucket": "box", "Prefix": "v", "KeyMarker": "v", "VersionIdMarker": first["NextVersionIdMarker"]}
    assert [each["IsLatest"] for each in s3.list_object_versions(**asked)["Versions"]] == [True, False]


def test_a_retention_is_bypassed_only_where_there_are_locks(s3):
    """test_delete_object_with_no_locking."""
    for wish in (True, False):
        told = error_of(s3.delete_object, Bucket="box", Key="k", BypassGovernanceRetention=wish)
        assert (told["Code"], told["ArgumentName"]) == ("InvalidArgument", "x-amz-bypass-governance-retention")
    asked = {"Bucket": "box", "Delete": {"Objects": [{"Key": "k"}]}, "BypassGovernanceRetention": True}
    assert error_of(s3.delete_objects, **asked)["Code"] == "InvalidArgument"


def test_what_was_written_during_an_upload_conflicts_with_its_condition(cloud, s3):
    """test_multipart_if_match_with_put_identical."""
    upload = {"Bucket": "box", "Key": "k", "UploadId": s3.create_multipart_upload(Bucket="box", Key="k")["UploadId"]}
    etag = s3.upload_part(PartNumber=1, Body=b"x", **upload)["ETag"]
    cloud.sleep(1)
    present = s3.put_object(Bucket="box", Key="k", Body=b"0123456789")["ETag"]
    told = error_of(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": etag}]}, IfMatch=present)
    assert (told["status"], told["Code"], told["Condition"], told["Key"]) == (409, "ConditionalRequestConflict", "If-Match", "k")


def test_times_have_milliseconds_also_where_there_are_none(cloud, s3):
    """test_s3_timestamp_precision, test_s3_list_objects_timestamp_precision."""
    s3.create_multipart_upload(Bucket="box", Key="m")
    for path, names in {"/": ["CreationDate"], "/box": ["LastModified"], "/box?uploads": ["Initiated"]}.items():
        _, _, body = cloud.http("GET", path, headers=claimed())
        for name in names:
            assert re.search(rf"<{name}>[-0-9]+T[0-9:]+\.000Z</{name}>".encode(), body), body


def test_a_number_without_digits_was_not_said(cloud, s3):
    """test_list_parts_empty_part_number_marker."""
    id = s3.create_multipart_upload(Bucket="box", Key="m")["UploadId"]
    path = f"/box/m?uploadId={id}&part-number-marker=&max-parts="
    status, _, body = cloud.http("GET", path, headers=claimed())
    assert (status, b"<PartNumberMarker>0</PartNumberMarker>" in body, b"<MaxParts>1000</MaxParts>" in body) == (200, True, True)
    path = f"/box/m?uploadId={id}&partNumber="
    assert cloud.http("PUT", path, headers=claimed())[0] == 400


def test_an_older_name_of_a_region_is_told_as_it_was_said(cloud):
    """test_create_bucket_with_eu_location_constraint, test_response_structure_get_bucket_location."""
    cloud.region("eu-west-1")
    there, here = cloud.client("s3", "eu-west-1"), cloud.client("s3")
    there.create_bucket(Bucket="from-there", CreateBucketConfiguration={"LocationConstraint": "EU"})
    here.create_bucket(Bucket="from-here", CreateBucketConfiguration={"LocationConstraint": "EU"})
    there.create_bucket(Bucket="by-its-name", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    for client in (there, here):
        told = [client.get_bucket_location(Bucket=name)["LocationConstraint"] for name in ("from-there", "from-here", "by-its-name")]
        assert told == ["EU", "EU", "eu-west-1"]
    assert [each["BucketRegion"] for each in here.list_buckets(Prefix="from-")["Buckets"]] == ["eu-west-1"] * 2


def test_buckets_are_listed_of_regions_that_there_are(s3):
    """test_list_buckets_region_validation."""
    assert error_of(s3.list_buckets, BucketRegion="eu-east-1") == {
        "status": 400, "Code": "InvalidArgument", "Message": "Argument value eu-east-1 is not a valid AWS Region",
        "ArgumentName": "bucket-region",
    }  # fmt: skip


@pytest.mark.parametrize("bucket", ["box", "no-box"])
def test_a_preflight_without_rules_is_about_the_bucket(cloud, s3, bucket):
    """test_cors_http_options_no_config, test_cors_http_options_non_existent_bucket."""
    said = {"box": b"CORSResponse: CORS is not enabled for this bucket.", "no-box": b"CORSResponse: Bucket not found"}[bucket]
    for asked, method in ({}, b"OPTIONS"), ({"access-control-request-method": "PUT"}, b"PUT"):
        status, _, body = cloud.http("OPTIONS", f"/{bucket}/k", headers={"origin": "https://there", **asked})
        assert (status, said in body) == (403, True)
        assert b"<Method>" + method + b"</Method><ResourceType>BUCKET</ResourceType>" in body


def test_who_began_an_upload_has_a_name_if_it_is_not_the_account(cloud, s3):
    """test_list_parts_pagination; https://github.com/versity/versitygw/issues/900 quotes such an answer."""
    iam = cloud.client("iam")
    iam.create_user(UserName="ann")
    iam.attach_user_policy(UserName="ann", PolicyArn="arn:aws:iam::aws:policy/AdministratorAccess")
    key = iam.create_access_key(UserName="ann")["AccessKey"]
    ann = cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    arn = cloud.client("sts", key=key["AccessKeyId"], secret=key["SecretAccessKey"]).get_caller_identity()["Arn"]
    id = ann.create_multipart_upload(Bucket="box", Key="a")["UploadId"]
    own = s3.create_multipart_upload(Bucket="box", Key="b")["UploadId"]
    owner = s3.list_buckets()["Owner"]
    assert s3.list_parts(Bucket="box", Key="a", UploadId=id)["Initiator"] == {"ID": arn, "DisplayName": "ann"}
    assert s3.list_parts(Bucket="box", Key="b", UploadId=own)["Initiator"] == owner
    told = [(each["Initiator"], each["Owner"]) for each in s3.list_multipart_uploads(Bucket="box")["Uploads"]]
    assert told == [({"ID": arn, "DisplayName": "ann"}, owner), (owner, owner)]


def test_what_was_deleted_during_an_upload_conflicts_with_its_condition(cloud, s3):
    """test_multipart_if_none_match_with_delete."""
    upload = {"Bucket": "box", "Key": "k", "UploadId": s3.create_multipart_upload(Bucket="box", Key="k")["UploadId"]}
    etag = s3.upload_part(PartNumber=1, Body=b"x", **upload)["ETag"]
    asked = {**upload, "MultipartUpload": {"Parts": [{"PartNumber": 1, "ETag": etag}]}}
    assert error_of(s3.complete_multipart_upload, **asked, IfNoneMatch="*")["Code"] == "PreconditionFailed"
    s3.delete_object(Bucket="box", Key="k")
    told = error_of(s3.complete_multipart_upload, **asked, IfNoneMatch="*")
    assert (told["status"], told["Code"], told["Condition"], told["Key"]) == (409, "ConditionalRequestConflict", "If-None-Match", "k")
    cloud.restart(kill=True)
    assert error_of(s3.complete_multipart_upload, **asked, IfNoneMatch="*")["status"] == 409
    s3.complete_multipart_upload(**asked)
    assert s3.get_object(Bucket="box", Key="k")["Body"].read() == b"x"


@pytest.mark.parametrize("region", ["us-east-1", "eu-west-1"])
def test_lists_of_objects_tell_the_region(cloud, region):
    """test_region_header_exists_outside_us_east_1."""
    cloud.region(region)
    client = cloud.client("s3", region)
    client.create_bucket(Bucket="far", **({} if region == "us-east-1" else {"CreateBucketConfiguration": {"LocationConstraint": region}}))
    for told in client.list_objects(Bucket="far"), client.list_objects_v2(Bucket="far"):
        assert told["ResponseMetadata"]["HTTPHeaders"]["x-amz-bucket-region"] == region


def test_a_plus_in_the_name_of_a_source_is_a_blank(cloud, s3):
    """test_copy_object_special_character_plus_for_space."""
    s3.put_object(Bucket="box", Key="a b", Body=b"blank")
    s3.put_object(Bucket="box", Key="a+b", Body=b"plus")
    for source, content in ("box%2Fa+b", b"blank"), ("box/a%20b", b"blank"), ("box/a%2Bb", b"plus"):
        status, _, _ = cloud.http("PUT", "/box/copy", headers={**claimed(), "x-amz-copy-source": source})
        assert (status, s3.get_object(Bucket="box", Key="copy")["Body"].read()) == (200, content)


def test_a_copy_tells_the_version_that_has_no_id_and_not_that_it_was_made_from_one(s3):
    """test_s3_copy_object_in_place_suspended_only, test_s3_copy_object_in_place_versioned."""
    copy = {"Bucket": "box", "Key": "k", "CopySource": "box/k", "MetadataDirective": "REPLACE"}
    for status, named in ("Suspended", False), ("Enabled", False), ("Enabled", True), ("Suspended", True):
        s3.put_bucket_versioning(Bucket="box", VersioningConfiguration={"Status": status})
        told = s3.copy_object(**copy)
        assert (told["VersionId"] == "null", "CopySourceVersionId" in told) == (status == "Suspended", named)
    assert s3.head_object(Bucket="box", Key="k")["VersionId"] == "null"


def test_what_is_signed_for_no_region_in_particular_is_malformed(make_cloud):
    """test_create_bucket_aws_global."""
    cloud = make_cloud("us-east-1", "aws-global")
    cloud.client("s3").create_bucket(Bucket="box")
    headers = {**claimed(), "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    headers["authorization"] = headers["authorization"].replace("us-east-1", "aws-global")
    for method, target in ("PUT", "/new"), ("GET", "/box"), ("GET", "/"):
        status, _, body = cloud.http(method, target, headers=headers)
        assert status == 400 and b"the region 'aws-global' is wrong; expecting 'us-east-1'" in body
    assert cloud.http("HEAD", "/box", headers=headers)[0] == 400
