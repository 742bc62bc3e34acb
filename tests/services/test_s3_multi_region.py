"""Multi-Region Access Points of S3: made in us-west-2, reached by one name from anywhere, and led from one region to another.

Clients sign such requests with Signature Version 4A and send them to AWS's own name whatever endpoint they were given: botocore does.
https://docs.aws.amazon.com/AmazonS3/latest/userguide/MultiRegionAccessPoints.html
"""

import json
import re
from datetime import UTC, datetime
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256
from refusals import refused_fully

from kumoniwa.gate import signature_asymmetric
from kumoniwa.gate.address import EDGE, GLOBAL

EAST, WEST, FAR = "us-east-1", "us-west-2", "eu-west-1"
ACCOUNT = "000000000000"
JANE = {"Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:user/jane"}}
DELEGATED = {"Condition": {"StringEquals": {"s3:DataAccessPointAccount": ACCOUNT}}}


def allow(action, resource, **more):
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


class World:
    """A bucket in each of two regions and a third to look from; in each bucket the object ``where``, which says its region."""

    def __init__(self, cloud) -> None:
        self.cloud = cloud
        for region, constraint in ((EAST, {}), (WEST, {"CreateBucketConfiguration": {"LocationConstraint": WEST}})):
            s3 = cloud.client("s3", region)
            s3.create_bucket(Bucket=f"b-{region}", **constraint)
            s3.put_object(Bucket=f"b-{region}", Key="where", Body=region.encode())
        self.control, self.s3 = cloud.client("s3control", WEST), cloud.client("s3")

    def make(self, name: str = "shop", *buckets: str, **more) -> str:
        """Answers the point's ARN."""
        regions = [{"Bucket": bucket} for bucket in buckets or (f"b-{EAST}", f"b-{WEST}")]
        token = self.control.create_multi_region_access_point(AccountId=ACCOUNT, Details={"Name": name, "Regions": regions, **more})
        self.cloud.sleep(1)
        assert self.operation(token)["RequestStatus"] == "SUCCEEDED"
        return f"arn:aws:s3::{ACCOUNT}:accesspoint/{self.point(name)['Alias']}"

    def operation(self, made: dict) -> dict:
        return self.control.describe_multi_region_access_point_operation(AccountId=ACCOUNT, RequestTokenARN=made["RequestTokenARN"])["AsyncOperation"]

    def point(self, name: str = "shop") -> dict:
        return self.control.get_multi_region_access_point(AccountId=ACCOUNT, Name=name)["AccessPoint"]

    def put_policy(self, *statements: dict, name: str = "shop") -> dict:
        document = json.dumps({"Version": "2012-10-17", "Statement": statements})
        made = self.control.put_multi_region_access_point_policy(AccountId=ACCOUNT, Details={"Name": name, "Policy": document})
        self.cloud.sleep(1)
        return self.operation(made)

    def delete(self, name: str = "shop") -> dict:
        made = self.control.delete_multi_region_access_point(AccountId=ACCOUNT, Details={"Name": name})
        self.cloud.sleep(1)
        return made

    def where(self, arn: str, s3=None) -> str:
        return (s3 or self.s3).get_object(Bucket=arn, Key="where")["Body"].read().decode()

    def submit(self, arn: str, region: str = FAR, **dials: int) -> None:
        """``us_east_1=0``"""
        updates = [{"Region": name.replace("_", "-"), "TrafficDialPercentage": dial} for name, dial in dials.items()]
        control = self.cloud.client("s3control", region)
        control.submit_multi_region_access_point_routes(AccountId=ACCOUNT, Mrap=arn, RouteUpdates=updates)

    def routes(self, arn: str, region: str = FAR) -> dict[str, int]:
        told = self.cloud.client("s3control", region).get_multi_region_access_point_routes(AccountId=ACCOUNT, Mrap=arn)
        assert told["Mrap"] == arn
        return {route["Region"]: route["TrafficDialPercentage"] for route in told["Routes"]}

    def user(self, *statements: dict):
        """An S3 client of jane, who is allowed what the statements allow."""
        iam = self.cloud.client("iam")
        iam.create_user(UserName="jane")
        if statements:
            iam.put_user_policy(UserName="jane", PolicyName="p", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}))
        key = iam.create_access_key(UserName="jane")["AccessKey"]
        return self.cloud.client("s3", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


@pytest.fixture
def world(make_cloud) -> World:
    return World(make_cloud(EAST, WEST, FAR, GLOBAL, EDGE, links="aws-p50"))


# Making and telling ----------------------------------------------------------------------------------


def test_a_point_is_made_told_and_deleted_and_each_request_has_a_status(world):
    details = {"Name": "shop", "Regions": [{"Bucket": f"b-{EAST}"}, {"Bucket": f"b-{WEST}"}]}
    made = world.control.create_multi_region_access_point(AccountId=ACCOUNT, Details=details, ClientToken="t")
    # As AWS spells it: https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazons3.html
    assert re.fullmatch(rf"arn:aws:s3:us-west-2:{ACCOUNT}:async-request/mrap/create/[\w-]+", made["RequestTokenARN"])
    told = world.operation(made)
    blocked = dict.fromkeys(("BlockPublicAcls", "IgnorePublicAcls", "BlockPublicPolicy", "RestrictPublicBuckets"), True)
    assert told.pop("CreationTime").year == 2030
    # Seen of AWS: no details while it is in progress, and what is blocked by default stands among the parameters.
    assert told == {
        "Operation": "CreateMultiRegionAccessPoint", "RequestTokenARN": made["RequestTokenARN"], "RequestStatus": "INPROGRESS",
        "RequestParameters": {"CreateMultiRegionAccessPointRequest": {**details, "PublicAccessBlock": blocked}},
    }  # fmt: skip
    world.cloud.sleep(1)
    assert world.operation(made)["ResponseDetails"]["MultiRegionAccessPointDetails"]["Regions"] == [
        {"Name": EAST, "RequestStatus": "SUCCEEDED"}, {"Name": WEST, "RequestStatus": "SUCCEEDED"},
    ]  # fmt: skip
    point = world.point()
    assert point.pop("CreatedAt").year == 2030 and re.fullmatch(r"[a-z][a-z0-9]*\.mrap", point.pop("Alias"))
    assert point == {
        "Name": "shop", "Status": "READY", "PublicAccessBlock": blocked,
        "Regions": [{"Bucket": f"b-{name}", "Region": name, "BucketAccountId": ACCOUNT} for name in (EAST, WEST)],
    }  # fmt: skip
    again = world.control.create_multi_region_access_point(AccountId=ACCOUNT, Details=details, ClientToken="t")
    assert again["RequestTokenARN"] == made["RequestTokenARN"]
    other = {**details, "Name": "other"}
    assert refused_fully(world.control.create_multi_region_access_point, AccountId=ACCOUNT, Details=other, ClientToken="t")[:2] == (409, "ClientTokenConflict")
    deleted = world.control.delete_multi_region_access_point(AccountId=ACCOUNT, Details={"Name": "shop"})
    assert "/mrap/delete/" in deleted["RequestTokenARN"] and world.point()["Status"] == "DELETING"
    world.cloud.sleep(1)
    assert world.operation(deleted)["RequestStatus"] == "SUCCEEDED"
    absent = (404, "NoSuchMultiRegionAccessPoint", "The specified Multi-Region Access Point does not exist.")
    assert refused_fully(world.control.get_multi_region_access_point, AccountId=ACCOUNT, Name="shop") == absent
    assert refused_fully(world.control.delete_multi_region_access_point, AccountId=ACCOUNT, Details={"Name": "shop"}) == absent
    gone = {"AccountId": ACCOUNT, "RequestTokenARN": f"arn:aws:s3:us-west-2:{ACCOUNT}:async-request/mrap/create/none"}
    assert refused_fully(world.control.describe_multi_region_access_point_operation, **gone)[:2] == (404, "NoSuchAsyncRequest")


def test_points_are_listed_in_pages(world):
    for name in ("one", "two", "three"):
        world.make(name)
    first = world.control.list_multi_region_access_points(AccountId=ACCOUNT, MaxResults=2)
    rest = world.control.list_multi_region_access_points(AccountId=ACCOUNT, NextToken=first["NextToken"])
    assert [[point["Name"] for point in page["AccessPoints"]] for page in (first, rest)] == [["one", "three"], ["two"]]
    assert "NextToken" not in rest


def test_the_control_plane_is_in_oregon_and_routes_are_told_in_five_regions(world):
    arn = world.make()
    # Recorded: https://github.com/gruntwork-io/cloud-nuke/issues/667
    only = "This API operation is only available in the following Regions: us-west-2. Make sure to send all future requests to a supported Region."
    assert refused_fully(world.cloud.client("s3control", EAST).list_multi_region_access_points, AccountId=ACCOUNT) == (301, "PermanentRedirect", only)
    world.cloud.region("us-east-2")
    said = {"AccountId": ACCOUNT, "Mrap": arn}
    assert refused_fully(world.cloud.client("s3control", "us-east-2").get_multi_region_access_point_routes, **said)[:2] == (301, "PermanentRedirect")
    assert all(world.routes(arn, region) == {EAST: 100, WEST: 100} for region in (EAST, WEST, FAR))


@pytest.mark.parametrize(
    ("details", "refused"),
    [
        # Of these the texts are not recorded.
        ({"Name": "shop"}, (409, "AccessPointAlreadyOwnedByYou")),
        ({"Regions": [{"Bucket": "nowhere"}]}, (400, "InvalidRequest")),
        ({"Regions": []}, (400, "InvalidRequest")),
        ({"Regions": [{"Bucket": f"b-{EAST}"}, {"Bucket": "second"}]}, (400, "InvalidRequest")),
        ({"Regions": [{"Bucket": f"b-{EAST}"}] * 18}, (400, "TooManyMultiRegionAccessPointregionsError")),
        ({"Regions": [{"Bucket": f"b-{EAST}", "BucketAccountId": "111111111111"}]}, (501, "NotImplemented")),
    ],
)
def test_points_that_cannot_be_are_refused(world, details, refused):
    world.make()
    world.s3.create_bucket(Bucket="second")
    said = {"Name": "new", "Regions": [{"Bucket": f"b-{EAST}"}], **details}
    assert refused_fully(world.control.create_multi_region_access_point, AccountId=ACCOUNT, Details=said)[:2] == refused


def test_a_bucket_that_a_point_leads_to_cannot_be_deleted(world):
    world.make()
    world.s3.delete_object(Bucket=f"b-{EAST}", Key="where")
    assert refused_fully(world.s3.delete_bucket, Bucket=f"b-{EAST}")[1] == "BucketHasAccessPointsAttached"
    world.delete()
    world.s3.delete_bucket(Bucket=f"b-{EAST}")


# Reaching --------------------------------------------------------------------------------------------


def test_objects_are_reached_in_the_nearest_region(world):
    arn = world.make()
    assert world.where(arn) == EAST
    world.cloud.here = WEST
    assert world.where(arn) == WEST
    # Dublin is nearer to Virginia than to Oregon, by the table of the links.
    world.cloud.here = FAR
    assert world.where(arn) == EAST


def test_operations_on_objects_work_by_a_point(world):
    arn, s3 = world.make(), world.s3
    s3.put_object(Bucket=arn, Key="a b", Body=b"12345")
    assert s3.head_object(Bucket=arn, Key="a b")["ContentLength"] == 5
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=arn)["Contents"]] == ["a b", "where"]
    s3.copy_object(Bucket=arn, Key="copy", CopySource=f"b-{EAST}/a b")
    s3.put_object_tagging(Bucket=arn, Key="copy", Tagging={"TagSet": [{"Key": "k", "Value": "v"}]})
    assert s3.get_object_tagging(Bucket=arn, Key="copy")["TagSet"] == [{"Key": "k", "Value": "v"}]
    upload = s3.create_multipart_upload(Bucket=arn, Key="m")["UploadId"]
    part = s3.upload_part(Bucket=arn, Key="m", UploadId=upload, PartNumber=1, Body=b"1")["ETag"]
    assert [each["PartNumber"] for each in s3.list_parts(Bucket=arn, Key="m", UploadId=upload)["Parts"]] == [1]
    s3.complete_multipart_upload(Bucket=arn, Key="m", UploadId=upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part}]})
    s3.delete_object(Bucket=arn, Key="a b")
    assert [each["Key"] for each in s3.list_objects_v2(Bucket=f"b-{EAST}")["Contents"]] == ["copy", "m", "where"]
    assert [each["Key"] for each in world.cloud.client("s3", WEST).list_objects_v2(Bucket=f"b-{WEST}")["Contents"]] == ["where"]


def test_what_points_of_many_regions_do_not_do_is_refused(world):
    arn, s3 = world.make(), world.s3
    # The status is recorded, of GetBucketLocation: https://github.com/iterate-ch/cyberduck/issues/14044
    for method, more in ((s3.list_object_versions, {}), (s3.delete_objects, {"Delete": {"Objects": [{"Key": "where"}]}}), (s3.list_objects, {})):
        assert refused_fully(method, Bucket=arn, **more)[:2] == (405, "MethodNotAllowed")
    alias = arn.rpartition("/")[2]
    # "The Multi-Region Access Point alias and ARN cannot be used interchangeably": MultiRegionAccessPointRequests, AWS's guide.
    assert refused_fully(s3.get_object, Bucket=alias, Key="where")[1] == "NoSuchBucket"
    assert refused_fully(s3.copy_object, Bucket=f"b-{EAST}", Key="copy", CopySource=f"{arn}/object/where")[0] == 400
    host = f"{alias}.accesspoint.s3-global.amazonaws.com"
    assert world.cloud.http("GET", "/where", host=host)[0] == 403
    assert world.cloud.http("GET", "/where", host="mnone.mrap.accesspoint.s3-global.amazonaws.com")[0] == 404


def test_a_presigned_url_is_good_in_every_region(world):
    arn = world.make()
    s3 = world.user(allow("s3:GetObject", "*"))
    url = s3.generate_presigned_url("get_object", Params={"Bucket": arn, "Key": "where"})
    host, _, target = url.removeprefix("https://").partition("/")
    local = host.replace("amazonaws.com", "localhost:4566")
    assert [world.cloud.http("GET", f"/{target}", host=host)[2] for world.cloud.here in (EAST, WEST)] == [EAST.encode(), WEST.encode()]
    assert world.cloud.http("GET", f"/{target.replace('where', 'other')}", host=host)[0] == 403
    # The local name leads the same way, but is not what was signed.
    status, _, body = world.cloud.http("GET", f"/{target}", host=local)
    assert status == 403 and b"SignatureDoesNotMatch" in body


def asymmetrically_signed(key: dict, to_sign: str) -> str:
    private = ec.derive_private_key(signature_asymmetric._private(key["AccessKeyId"], key["SecretAccessKey"]), ec.SECP256R1())
    return private.sign(to_sign.encode(), ec.ECDSA(SHA256())).hex()


def in_signed_chunks(cloud, key: dict, alias: str, body: bytes) -> tuple[dict[str, str], bytes]:
    """Headers and body of a PUT in one signed chunk and its end, as https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html
    says, with Signature Version 4A. AWS's own SDKs send such over connections without TLS; none of Python does."""
    at = datetime.fromtimestamp(cloud.now(), UTC).strftime("%Y%m%dT%H%M%SZ")
    scope, digest = f"{at[:8]}/s3/aws4_request", lambda data: sha256(data).hexdigest()
    headers = {
        "host": f"{alias}.accesspoint.s3-global.amazonaws.com", "x-amz-content-sha256": "STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD", "x-amz-date": at,
        "x-amz-decoded-content-length": str(len(body)), "x-amz-region-set": "us-*",
    }  # fmt: skip
    names = ";".join(headers)
    canonical = "PUT\n/chunked\n\n" + "".join(f"{name}:{value}\n" for name, value in headers.items()) + f"\n{names}\n{headers['x-amz-content-sha256']}"
    proof = asymmetrically_signed(key, f"AWS4-ECDSA-P256-SHA256\n{at}\n{scope}\n{digest(canonical.encode())}")
    headers["authorization"] = f"AWS4-ECDSA-P256-SHA256 Credential={key['AccessKeyId']}/{scope}, SignedHeaders={names}, Signature={proof}"
    framed = b""
    for chunk in (body, b""):
        proof = asymmetrically_signed(key, f"AWS4-ECDSA-P256-SHA256-PAYLOAD\n{at}\n{scope}\n{proof}\n{digest(b'')}\n{digest(chunk)}")
        framed += f"{len(chunk):x};chunk-signature={proof.ljust(144, '*')}\r\n".encode() + chunk + b"\r\n"
    return headers, framed


def test_a_body_may_come_in_chunks_that_are_signed_with_signature_version_4a(world):
    alias = world.make().rpartition("/")[2]
    world.user(allow("s3:*", "*"))
    key = world.cloud.client("iam").create_access_key(UserName="jane")["AccessKey"]
    headers, framed = in_signed_chunks(world.cloud, key, alias, b"12345")
    assert world.cloud.http("PUT", "/chunked", host=headers.pop("host"), headers=headers, body=framed)[0] == 200
    assert world.s3.get_object(Bucket=f"b-{EAST}", Key="chunked")["Body"].read() == b"12345"
    headers, framed = in_signed_chunks(world.cloud, key, alias, b"12345")
    status, _, body = world.cloud.http("PUT", "/chunked", host=headers.pop("host"), headers=headers, body=framed.replace(b"12345", b"12346"))
    assert status == 403 and b"SignatureDoesNotMatch" in body


def test_what_is_signed_for_one_region_is_good_there_alone(world):
    """Recorded, for a presigned URL of Signature Version 4: https://github.com/boto/boto3/issues/4627"""
    alias = world.make().rpartition("/")[2]
    host = f"{alias}.accesspoint.s3-global.amazonaws.com"
    world.cloud.here = WEST
    query = "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=test%2F20300101%2Fus-east-1%2Fs3%2Faws4_request&X-Amz-Date=20300101T000000Z"
    status, _, body = world.cloud.http("GET", f"/where?{query}&X-Amz-Expires=60&X-Amz-Signature=00&X-Amz-SignedHeaders=host", host=host)
    assert status == 400 and b"<Code>AuthorizationQueryParametersError</Code>" in body
    assert b"Error parsing the X-Amz-Credential parameter; the region 'us-east-1' is wrong; expecting 'us-west-2'" in body
    at = {"x-amz-date": "20300101T000000Z", "x-amz-content-sha256": "UNSIGNED-PAYLOAD"}
    for scope, regions, status in (("us-west-2/s3", None, 200), ("us-east-1/s3", None, 400), ("s3", "us-east-1", 400), ("s3", "eu-*,us-*", 200)):
        algorithm = "AWS4-HMAC-SHA256" if regions is None else "AWS4-ECDSA-P256-SHA256"
        headers = {**at, **({"x-amz-region-set": regions} if regions else {})}
        headers["authorization"] = f"{algorithm} Credential=test/20300101/{scope}/aws4_request, SignedHeaders=host;x-amz-date, Signature={'0' * 64}"
        assert world.cloud.http("GET", "/where", host=host, headers=headers)[0] == status


# Permissions -----------------------------------------------------------------------------------------


def test_a_request_is_proven_by_signature_version_4a(world):
    arn = world.make()
    jane = world.user(allow("s3:*", "*"))
    assert world.where(arn, jane) == EAST
    jane.put_object(Bucket=arn, Key="k", Body=b"1" * 100_000)
    assert jane.get_object(Bucket=f"b-{EAST}", Key="k")["Body"].read() == b"1" * 100_000
    key = world.cloud.client("iam").create_access_key(UserName="jane")["AccessKey"]["AccessKeyId"]
    assert refused_fully(world.cloud.client("s3", key=key, secret="x" * 40).get_object, Bucket=arn, Key="where")[1] == "SignatureDoesNotMatch"


def test_both_the_point_and_the_bucket_it_leads_to_must_permit(world):
    arn = world.make()
    jane = world.user()
    assert world.put_policy(allow("s3:GetObject", f"{arn}/object/*", **JANE))["Operation"] == "PutMultiRegionAccessPointPolicy"
    assert refused_fully(jane.get_object, Bucket=arn, Key="where")[:2] == (403, "AccessDenied")
    delegation = allow("*", [f"arn:aws:s3:::b-{EAST}", f"arn:aws:s3:::b-{EAST}/*"], Principal={"AWS": "*"}, **DELEGATED)
    world.s3.put_bucket_policy(Bucket=f"b-{EAST}", Policy=json.dumps({"Version": "2012-10-17", "Statement": [delegation]}))
    assert world.where(arn, jane) == EAST
    assert refused_fully(jane.get_object, Bucket=f"b-{EAST}", Key="where")[:2] == (403, "AccessDenied")
    world.cloud.here = WEST
    assert refused_fully(jane.get_object, Bucket=arn, Key="where")[:2] == (403, "AccessDenied")


def test_an_identity_needs_the_point_and_the_bucket(world):
    arn = world.make()
    jane = world.user(allow("s3:GetObject", f"arn:aws:s3:::b-{EAST}/*"))
    assert refused_fully(jane.get_object, Bucket=arn, Key="where")[:2] == (403, "AccessDenied")
    world.put_policy(allow("s3:GetObject", f"{arn}/object/*", **JANE))
    assert world.where(arn, jane) == EAST
    world.put_policy(allow("s3:GetObject", f"{arn}/object/*", **JANE), {"Effect": "Deny", **JANE, "Action": "s3:*", "Resource": f"{arn}/object/where"})
    assert refused_fully(jane.get_object, Bucket=arn, Key="where")[:2] == (403, "AccessDenied")


def test_policies_are_proposed_established_told_and_checked(world):
    arn = world.make()
    control = world.control
    assert refused_fully(control.get_multi_region_access_point_policy, AccountId=ACCOUNT, Name="shop")[:2] == (404, "NoSuchMultiRegionAccessPointPolicy")
    document = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:GetObject", f"{arn}/object/*", **JANE)]})
    world.cloud.client("iam").create_user(UserName="jane")
    control.put_multi_region_access_point_policy(AccountId=ACCOUNT, Details={"Name": "shop", "Policy": document})
    assert control.get_multi_region_access_point_policy(AccountId=ACCOUNT, Name="shop")["Policy"] == {"Proposed": {"Policy": document}}
    world.cloud.sleep(1)
    both = {"Established": {"Policy": document}, "Proposed": {"Policy": document}}
    assert control.get_multi_region_access_point_policy(AccountId=ACCOUNT, Name="shop")["Policy"] == both
    assert control.get_multi_region_access_point_policy_status(AccountId=ACCOUNT, Name="shop")["Established"] == {"IsPublic": False}
    for resource, who, code in ((f"arn:aws:s3:::b-{EAST}/*", JANE, "MalformedPolicy"), (f"{arn}/object/*", {"Principal": "*"}, "AccessDenied")):
        wrong = json.dumps({"Version": "2012-10-17", "Statement": [allow("s3:GetObject", resource, **who)]})
        assert refused_fully(control.put_multi_region_access_point_policy, AccountId=ACCOUNT, Details={"Name": "shop", "Policy": wrong})[1] == code


def test_whoever_makes_a_point_may_list_all_buckets_too(world):
    # https://docs.aws.amazon.com/AmazonS3/latest/userguide/MrapOperations.html
    world.user(allow("s3:CreateMultiRegionAccessPoint", f"arn:aws:s3::{ACCOUNT}:accesspoint/*"))
    key = world.cloud.client("iam").create_access_key(UserName="jane")["AccessKey"]
    control = world.cloud.client("s3control", WEST, key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    said = {"AccountId": ACCOUNT, "Details": {"Name": "hers", "Regions": [{"Bucket": f"b-{EAST}"}]}}
    assert "s3:ListAllMyBuckets" in refused_fully(control.create_multi_region_access_point, **said)[2]
    world.cloud.client("iam").put_user_policy(
        UserName="jane", PolicyName="q", PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow("s3:ListAllMyBuckets", "*")})
    )
    control.create_multi_region_access_point(**said)


# Failing over ----------------------------------------------------------------------------------------


def test_requests_are_led_to_another_active_region_while_the_nearest_is_dead(world):
    arn = world.make()
    world.cloud.kill(EAST)
    world.cloud.here = FAR
    far = world.cloud.client("s3", FAR)
    assert world.where(arn, far) == WEST
    far.put_object(Bucket=arn, Key="meanwhile", Body=b"1")
    world.cloud.region(EAST)
    assert world.where(arn, far) == EAST
    assert refused_fully(far.get_object, Bucket=arn, Key="meanwhile")[1] == "NoSuchKey"


def test_a_region_behind_a_cut_link_is_not_led_to(world):
    arn = world.make()
    world.cloud.here = FAR
    cut = world.cloud.fault("link.cut", {"from": FAR, "to": EAST})
    assert world.where(arn) == WEST
    world.cloud.heal(cut)
    assert world.where(arn) == EAST


def test_a_passive_region_gets_nothing_and_failing_over_needs_neither_the_control_planes_nor_the_lost_region(world):
    arn = world.make()
    world.submit(arn, us_west_2=0)
    assert world.routes(arn) == {EAST: 100, WEST: 0}
    world.cloud.here = WEST
    assert world.where(arn) == EAST
    world.cloud.kill(GLOBAL)
    world.cloud.kill(EAST)
    world.cloud.here = FAR
    far = world.cloud.client("s3", FAR)
    # Without an active region that lives, a request is led into the dark.
    with pytest.raises(AssertionError, match="open the region first"):
        far.get_object(Bucket=arn, Key="where")
    world.submit(arn, us_east_1=0, us_west_2=100)
    assert world.where(arn, far) == WEST
    world.cloud.restart(EDGE, kill=True)
    assert world.routes(arn) == {EAST: 0, WEST: 100} and world.where(arn, far) == WEST


@pytest.mark.parametrize(
    ("updates", "refused"),
    [
        # https://docs.aws.amazon.com/AmazonS3/latest/userguide/mrap-failover-errors.html; of the texts there is no record.
        ([{"Region": EAST, "TrafficDialPercentage": 0}, {"Region": WEST, "TrafficDialPercentage": 0}], (400, "InvalidRequest")),
        ([{"Region": EAST, "TrafficDialPercentage": 50}], (400, "InvalidRequest")),
        ([{"Region": FAR, "TrafficDialPercentage": 0}], (400, "InvalidRequest")),
        ([{"Region": EAST, "Bucket": f"b-{WEST}", "TrafficDialPercentage": 0}], (400, "InvalidRequest")),
    ],
)
def test_routes_that_cannot_be_are_refused(world, updates, refused):
    arn = world.make()
    submit = world.control.submit_multi_region_access_point_routes
    assert refused_fully(submit, AccountId=ACCOUNT, Mrap=arn, RouteUpdates=updates)[:2] == refused
    assert world.routes(arn) == {EAST: 100, WEST: 100}


def test_routes_are_those_of_a_point_named_by_its_arn(world):
    world.make("lonely", f"b-{EAST}")
    alone, update = world.point("lonely")["Alias"], [{"Bucket": f"b-{EAST}", "TrafficDialPercentage": 0}]
    submit = world.control.submit_multi_region_access_point_routes
    assert refused_fully(submit, AccountId=ACCOUNT, Mrap=alone, RouteUpdates=update)[:2] == (400, "InvalidRequest")
    arn = f"arn:aws:s3::{ACCOUNT}:accesspoint/{alone}"
    assert refused_fully(submit, AccountId=ACCOUNT, Mrap=arn, RouteUpdates=update)[:2] == (405, "MethodNotAllowed")
    gone = f"arn:aws:s3::{ACCOUNT}:accesspoint/mnone.mrap"
    assert refused_fully(submit, AccountId=ACCOUNT, Mrap=gone, RouteUpdates=update)[:2] == (404, "NoSuchMultiRegionAccessPoint")


# Crashes ---------------------------------------------------------------------------------------------


def test_a_point_that_was_asked_for_is_made_after_a_kill(world):
    world.cloud.kill(GLOBAL)
    details = {"Name": "shop", "Regions": [{"Bucket": f"b-{EAST}"}, {"Bucket": f"b-{WEST}"}]}
    made = world.control.create_multi_region_access_point(AccountId=ACCOUNT, Details=details)
    world.cloud.restart(WEST, kill=True)
    assert (world.operation(made)["RequestStatus"], world.point()["Status"]) == ("INPROGRESS", "CREATING")
    assert refused_fully(world.control.delete_multi_region_access_point, AccountId=ACCOUNT, Details={"Name": "shop"})[:2] == (400, "InvalidRequest")
    world.cloud.region(GLOBAL)
    world.cloud.sleep(30)
    assert (world.operation(made)["RequestStatus"], world.point()["Status"]) == ("SUCCEEDED", "READY")
    assert world.where(f"arn:aws:s3::{ACCOUNT}:accesspoint/{world.point()['Alias']}") == EAST


def test_points_and_their_policies_outlive_every_process(world):
    arn = world.make()
    jane = world.user(allow("s3:GetObject", f"arn:aws:s3:::b-{EAST}/*"))
    world.put_policy(allow("s3:GetObject", f"{arn}/object/*", **JANE))
    for name in (EAST, WEST, EDGE, GLOBAL):
        world.cloud.restart(name, kill=True)
    assert world.where(arn, jane) == EAST and world.point()["Status"] == "READY"


# Stacks ----------------------------------------------------------------------------------------------


def test_a_point_of_a_template_is_really_there_with_its_policy(world):
    """A stack of any region: the point's own operations are asked for in Oregon."""
    statement = allow("s3:GetObject", {"Fn::Sub": ["arn:aws:s3::${AWS::AccountId}:accesspoint/${Alias}/object/*", {"Alias": {"Fn::GetAtt": ["Point", "Alias"]}}]})
    policy = {"Version": "2012-10-17", "Statement": [{**statement, "Principal": {"AWS": {"Ref": "AWS::AccountId"}}}]}
    point = {"Name": "front", "Regions": [{"Bucket": f"b-{EAST}"}, {"Bucket": f"b-{WEST}"}]}
    template = {
        "Resources": {
            "Point": {"Type": "AWS::S3::MultiRegionAccessPoint", "Properties": point},
            "Policy": {"Type": "AWS::S3::MultiRegionAccessPointPolicy", "Properties": {"MrapName": {"Ref": "Point"}, "Policy": policy}},
        },
        "Outputs": {
            "Alias": {"Value": {"Fn::GetAtt": ["Point", "Alias"]}}, "Public": {"Value": {"Fn::GetAtt": ["Policy", "PolicyStatus.IsPublic"]}},
        },
    }  # fmt: skip
    cfn = world.cloud.client("cloudformation", EAST)
    cfn.create_stack(StackName="s", TemplateBody=json.dumps(template))
    world.cloud.sleep(60)
    stack = cfn.describe_stacks(StackName="s")["Stacks"][0]
    assert stack["StackStatus"] == "CREATE_COMPLETE", [event.get("ResourceStatusReason") for event in cfn.describe_stack_events(StackName="s")["StackEvents"]]
    told = {each["OutputKey"]: each["OutputValue"] for each in stack["Outputs"]}
    assert told["Public"] == "false"
    assert world.where(f"arn:aws:s3::{ACCOUNT}:accesspoint/{told['Alias']}") == EAST
    template["Resources"]["Policy"]["Properties"]["Policy"]["Statement"][0]["Action"] = "s3:*"
    cfn.update_stack(StackName="s", TemplateBody=json.dumps(template))
    world.cloud.sleep(60)
    established = world.control.get_multi_region_access_point_policy(AccountId=ACCOUNT, Name="front")["Policy"]["Established"]["Policy"]
    assert json.loads(established)["Statement"][0]["Action"] == "s3:*"
    cfn.delete_stack(StackName="s")
    world.cloud.sleep(60)
    assert world.control.list_multi_region_access_points(AccountId=ACCOUNT)["AccessPoints"] == []
