"""Repositories of images, by AWS's operations and as docker speaks to a registry."""

from __future__ import annotations

import base64
import hashlib
import json
import os
from urllib.parse import urlsplit

import pytest
from refusals import refused

ACCOUNT, OTHER = "000000000000", "111122223333"
HOST = f"{ACCOUNT}.dkr.ecr.us-east-1.localhost:4566"
KIND = "application/vnd.docker.distribution.manifest.v2+json"


def digest_of(body: bytes) -> str:
    return f"sha256:{hashlib.sha256(body).hexdigest()}"


@pytest.fixture
def ecr(cloud):
    client = cloud.client("ecr")
    client.create_repository(repositoryName="shop/web")
    return client


def upload(ecr, body: bytes, repository: str = "shop/web") -> str:
    name = {"repositoryName": repository}
    id_ = ecr.initiate_layer_upload(**name)["uploadId"]
    middle = len(body) // 2
    for start, end in ((0, middle), (middle, len(body))):
        ecr.upload_layer_part(**name, uploadId=id_, partFirstByte=start, partLastByte=end - 1, layerPartBlob=body[start:end])
    return ecr.complete_layer_upload(**name, uploadId=id_, layerDigests=[digest_of(body)])["layerDigest"]


def manifest(*layers: bytes, config: bytes = b"{}") -> str:
    described = [{"mediaType": "x", "size": len(body), "digest": digest_of(body)} for body in (config, *layers)]
    return json.dumps({"schemaVersion": 2, "mediaType": KIND, "config": described[0], "layers": described[1:]})


def push(ecr, tag: str | None, *layers: bytes, repository: str = "shop/web") -> str:
    for body in (b"{}", *layers):
        if ecr.batch_check_layer_availability(repositoryName=repository, layerDigests=[digest_of(body)])["layers"][0]["layerAvailability"] == "UNAVAILABLE":
            upload(ecr, body, repository)
    tagged = {"imageTag": tag} if tag else {}
    return ecr.put_image(repositoryName=repository, imageManifest=manifest(*layers), **tagged)["image"]["imageId"]["imageDigest"]


def tags(ecr) -> dict[str, list[str]]:
    images = ecr.describe_images(repositoryName="shop/web")["imageDetails"]
    return {image["imageDigest"]: image.get("imageTags", []) for image in images}


# Repositories --------------------------------------------------------------------------------------------


def test_a_repository_is_told_as_aws_tells_it(cloud, ecr):
    (repository,) = ecr.describe_repositories(repositoryNames=["shop/web"])["repositories"]
    del repository["createdAt"]
    assert repository == {
        "repositoryArn": f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/shop/web", "registryId": ACCOUNT, "repositoryName": "shop/web",
        "repositoryUri": f"{ACCOUNT}.dkr.ecr.us-east-1.amazonaws.com/shop/web", "imageTagMutability": "MUTABLE",
        "imageScanningConfiguration": {"scanOnPush": False}, "encryptionConfiguration": {"encryptionType": "AES256"},
    }  # fmt: skip
    assert refused(ecr.create_repository, repositoryName="shop/web") == (
        "RepositoryAlreadyExistsException",
        f"The repository with name 'shop/web' already exists in the registry with id '{ACCOUNT}'",
    )
    assert refused(ecr.describe_repositories, repositoryNames=["none"]) == (
        "RepositoryNotFoundException", f"The repository with name 'none' does not exist in the registry with id '{ACCOUNT}'",
    )  # fmt: skip


def test_what_nobody_does_here_is_refused_by_name(ecr):
    more = {"imageScanningConfiguration": {"scanOnPush": True}}, {"encryptionConfiguration": {"encryptionType": "KMS"}}
    for each in more:
        assert refused(ecr.create_repository, repositoryName="more", **each)[0] == "NotImplemented"
    assert refused(ecr.start_image_scan, repositoryName="shop/web", imageId={"imageTag": "a"})[0] == "NotImplemented"


BROKEN = [
    # Patterns: https://github.com/boto/boto3/issues/3191. Lengths: https://github.com/aws/aws-dotnet-deploy/issues/549.
    ({"repositoryName": "Shop"}, "repositoryName", "must satisfy regular expression '"),
    ({"repositoryName": "s" * 257}, "repositoryName", "must have length less than or equal to 256'"),
    # moto's test_put_image_tag_mutability_error_invalid_param
    ({"imageTagMutability": "MAYBE"}, "imageTagMutability", "Member must satisfy enum value set: ["),
    # Measured: https://github.com/badmintoncryer/cdk-preflight (pf-ecr-image-tag-mutability-filters).
    ({"imageTagMutability": "MUTABLE_WITH_EXCLUSION"}, "imageTagMutabilityExclusionFilters",
     "ImageTagMutabilityExclusionFilters can't be null when imageTagMutability is set to MUTABLE_WITH_EXCLUSION'"),
    ({"imageTagMutability": "MUTABLE", "imageTagMutabilityExclusionFilters": [{"filterType": "WILDCARD", "filter": "a*"}]},
     "imageTagMutabilityExclusionFilters", "ImageTagMutabilityExclusionFilters are not allowed when imageTagMutability is set to MUTABLE'"),
]  # fmt: skip


@pytest.mark.parametrize(("said", "where", "what"), BROKEN)
def test_a_broken_constraint_is_told_in_words_of_ecr(ecr, said, where, what):
    code, text = refused(ecr.create_repository, **{"repositoryName": "more", **said})
    assert code == "InvalidParameterException"
    assert text.startswith(f"Invalid parameter at '{where}' failed to satisfy constraint: '{what}") and text.endswith("'")


def test_tags_of_a_repository(ecr):
    arn = f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/shop/web"
    ecr.tag_resource(resourceArn=arn, tags=[{"Key": "a", "Value": "1"}, {"Key": "b", "Value": "2"}])
    ecr.untag_resource(resourceArn=arn, tagKeys=["a"])
    assert ecr.list_tags_for_resource(resourceArn=arn)["tags"] == [{"Key": "b", "Value": "2"}]
    assert refused(ecr.tag_resource, resourceArn=arn, tags=[{"Key": "aws:a", "Value": "1"}])[0] == "InvalidTagParameterException"
    # moto's test_list_tags_for_resource_error_invalid_param
    assert refused(ecr.list_tags_for_resource, resourceArn="invalid") == (
        "InvalidParameterException", "Invalid parameter at 'resourceArn' failed to satisfy constraint: 'Invalid ARN'",
    )  # fmt: skip


def test_a_policy_lets_another_account_pull_and_not_push(cloud, ecr):
    push(ecr, "v1", b"layer")
    other, asked = cloud.client("ecr", key=OTHER), {"registryId": ACCOUNT, "repositoryName": "shop/web"}
    assert refused(other.batch_get_image, **asked, imageIds=[{"imageTag": "v1"}])[0] == "AccessDeniedException"
    allow = {"Effect": "Allow", "Principal": {"AWS": f"arn:aws:iam::{OTHER}:root"}, "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]}
    ecr.set_repository_policy(repositoryName="shop/web", policyText=json.dumps({"Version": "2012-10-17", "Statement": [allow]}))
    assert len(other.batch_get_image(**asked, imageIds=[{"imageTag": "v1"}])["images"]) == 1
    # Several statements of one name: moto's test_set_repository_policy_validation.
    twice = [allow | {"Sid": "same", "Action": ["ecr:ListImages"]}, allow | {"Sid": "same"}]
    ecr.set_repository_policy(repositoryName="shop/web", policyText=json.dumps({"Version": "2012-10-17", "Statement": twice}))
    assert other.list_images(**asked)["imageIds"] and len(other.batch_get_image(**asked, imageIds=[{"imageTag": "v1"}])["images"]) == 1
    assert refused(other.put_image, **asked, imageManifest=manifest(b"layer"), imageTag="v2")[0] == "AccessDeniedException"
    ecr.delete_repository_policy(repositoryName="shop/web")
    assert refused(other.batch_get_image, **asked, imageIds=[{"imageTag": "v1"}])[0] == "AccessDeniedException"
    assert refused(ecr.get_repository_policy, repositoryName="shop/web") == (
        "RepositoryPolicyNotFoundException",
        f"Repository policy does not exist for the repository with name 'shop/web' in the registry with id '{ACCOUNT}'",
    )
    # https://docs.aws.amazon.com/AmazonECR/latest/userguide/repository-policies.html: there is no Resource.
    for bad in ("{}", "[]", "{", json.dumps({"Version": "2012-10-17", "Statement": [allow | {"Effect": "Maybe"}]})):
        assert refused(ecr.set_repository_policy, repositoryName="shop/web", policyText=bad) == (
            "InvalidParameterException", "Invalid parameter at 'PolicyText' failed to satisfy constraint: 'Invalid repository policy provided'",
        )  # fmt: skip


# Images --------------------------------------------------------------------------------------------------


def test_an_image_is_pushed_in_layers_and_pulled(cloud, ecr):
    body = os.urandom(100_000)
    digest = push(ecr, "v1", body)
    (image,) = ecr.batch_get_image(repositoryName="shop/web", imageIds=[{"imageTag": "v1"}])["images"]
    assert image["imageId"] == {"imageDigest": digest, "imageTag": "v1"} and image["imageManifest"] == manifest(body)
    (detail,) = ecr.describe_images(repositoryName="shop/web", imageIds=[{"imageDigest": digest}])["imageDetails"]
    assert (detail["imageTags"], detail["imageSizeInBytes"], detail["imageManifestMediaType"]) == (["v1"], 100_002, KIND)
    assert detail["lastRecordedPullTime"] >= detail["imagePushedAt"]
    url = urlsplit(ecr.get_download_url_for_layer(repositoryName="shop/web", layerDigest=digest_of(body))["downloadUrl"])
    assert cloud.http("GET", url.path)[2] == body
    assert cloud.http("GET", url.path.replace(url.path.split("/")[4], "0" * 64))[0] == 403
    cloud.sleep(3_700)
    assert cloud.http("GET", url.path)[0] == 403


def test_nothing_that_was_pushed_is_lost_or_readable_on_the_disk(cloud, ecr, tmp_path):
    body = b"the secret of the house" * 50
    push(ecr, "v1", body)
    cloud.region().store.blobs(ACCOUNT, "ecr").put(b"a part of which a kill kept the row")
    files = cloud.region().store.blobs(ACCOUNT, "ecr").folder
    before = sum(len(names) for _, _, names in os.walk(files))
    cloud.restart(kill=True)
    assert len(tags(cloud.client("ecr"))) == 1
    assert sum(len(names) for _, _, names in os.walk(files)) == before - 1
    url = urlsplit(ecr.get_download_url_for_layer(repositoryName="shop/web", layerDigest=digest_of(body))["downloadUrl"])
    assert cloud.http("GET", url.path)[2] == body
    for folder, _, names in os.walk(cloud.folder):
        for name in names:
            with open(os.path.join(folder, name), "rb") as file:
                assert b"the secret of the house" not in file.read()


def test_an_upload_must_be_whole_and_what_it_says_it_is(ecr):
    name = {"repositoryName": "shop/web"}
    id_ = ecr.initiate_layer_upload(**name)["uploadId"]
    assert refused(ecr.complete_layer_upload, **name, uploadId=id_, layerDigests=[digest_of(b"")])[0] == "EmptyUploadException"
    part = {**name, "uploadId": id_, "layerPartBlob": b"abc"}
    assert refused(ecr.upload_layer_part, **part, partFirstByte=1, partLastByte=3)[0] == "InvalidLayerPartException"
    assert refused(ecr.upload_layer_part, **part, partFirstByte=0, partLastByte=5)[0] == "InvalidLayerPartException"
    for _ in range(2):  # what was taken may come again
        assert ecr.upload_layer_part(**part, partFirstByte=0, partLastByte=2)["lastByteReceived"] == 2
    assert refused(ecr.complete_layer_upload, **name, uploadId=id_, layerDigests=[digest_of(b"abd")])[0] == "InvalidLayerException"
    ecr.complete_layer_upload(**name, uploadId=id_, layerDigests=[digest_of(b"abc")])
    assert refused(ecr.complete_layer_upload, **name, uploadId=id_, layerDigests=[digest_of(b"abc")])[0] == "UploadNotFoundException"


def test_an_image_needs_its_layers(ecr):
    code, text = refused(ecr.put_image, repositoryName="shop/web", imageManifest=manifest(b"layer"), imageTag="v1")
    assert code == "LayersNotFoundException" and digest_of(b"layer") in text
    many = json.dumps({"schemaVersion": 2, "mediaType": KIND, "manifests": [{"digest": digest_of(b"none")}]})
    assert refused(ecr.put_image, repositoryName="shop/web", imageManifest=many)[0] == "ReferencedImagesNotFoundException"
    assert refused(ecr.put_image, repositoryName="shop/web", imageManifest="{")[0] == "InvalidParameterException"


def test_somebody_says_what_kind_a_manifest_is_of(ecr):
    """https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutImage.html; the text is moto's (test_put_image_without_mediatype)."""
    push(ecr, "v1", b"layer")
    unsaid = json.dumps({name: value for name, value in json.loads(manifest(b"layer")).items() if name != "mediaType"})
    assert refused(ecr.put_image, repositoryName="shop/web", imageManifest=unsaid) == (
        "InvalidParameterException", "image manifest mediatype not provided in manifest or parameter",
    )  # fmt: skip
    assert ecr.put_image(repositoryName="shop/web", imageManifest=unsaid, imageManifestMediaType=KIND)["image"]["imageManifestMediaType"] == KIND


def test_the_same_image_is_not_pushed_twice_and_a_tag_moves(ecr):
    one = push(ecr, "v1", b"one")
    assert refused(ecr.put_image, repositoryName="shop/web", imageManifest=manifest(b"one"), imageTag="v1") == (
        "ImageAlreadyExistsException",
        f"Image with digest '{one}' and tag 'v1' already exists in the repository with name 'shop/web' in registry with id '{ACCOUNT}'",
    )
    two = push(ecr, "v1", b"two")
    assert tags(ecr) == {one: [], two: ["v1"]}


def test_tags_of_an_immutable_repository_stay_but_for_those_excluded(ecr):
    filters = [{"filterType": "WILDCARD", "filter": "dev-*"}]
    ecr.put_image_tag_mutability(
        repositoryName="shop/web", imageTagMutability="IMMUTABLE_WITH_EXCLUSION", imageTagMutabilityExclusionFilters=filters
    )
    push(ecr, "v1", b"one")
    push(ecr, "dev-a", b"one")
    assert refused(push, ecr=ecr, tag="v1")[0] == "ImageTagAlreadyExistsException"
    two = push(ecr, "dev-a", b"two")
    assert tags(ecr)[two] == ["dev-a"]


def test_ids_that_mean_no_image_are_told_one_by_one(ecr):
    one, two = push(ecr, "v1", b"one"), push(ecr, "v2", b"two")
    ids = [{}, {"imageDigest": "x"}, {"imageTag": "none"}, {"imageTag": "v1", "imageDigest": two}, {"imageDigest": one}]
    answer = ecr.batch_get_image(repositoryName="shop/web", imageIds=ids)
    assert [failure["failureCode"] for failure in answer["failures"]] == [
        "MissingDigestAndTag", "InvalidImageDigest", "ImageNotFound", "ImageTagDoesNotMatchDigest",
    ]  # fmt: skip
    assert [image["imageId"] for image in answer["images"]] == [{"imageDigest": one}]
    assert refused(ecr.describe_images, repositoryName="shop/web", imageIds=[{"imageTag": "none"}]) == (
        "ImageNotFoundException",
        "The image with imageId {imageDigest:'null', imageTag:'none'} does not exist within the repository with name 'shop/web' in the registry "
        f"with id '{ACCOUNT}'",
    )


def test_an_image_goes_with_its_last_tag_and_layers_go_with_the_last_image(ecr):
    one = push(ecr, "v1", b"one")
    push(ecr, "v1-again", b"one")
    two = push(ecr, None, b"two")
    assert ecr.list_images(repositoryName="shop/web", filter={"tagStatus": "UNTAGGED"})["imageIds"] == [{"imageDigest": two}]
    assert ecr.batch_delete_image(repositoryName="shop/web", imageIds=[{"imageTag": "v1"}])["imageIds"] == [{"imageDigest": one, "imageTag": "v1"}]
    assert tags(ecr) == {one: ["v1-again"], two: []}
    ecr.batch_delete_image(repositoryName="shop/web", imageIds=[{"imageTag": "v1-again"}])
    assert tags(ecr) == {two: []}
    left = ecr.batch_check_layer_availability(repositoryName="shop/web", layerDigests=[digest_of(b) for b in (b"one", b"two", b"{}")])
    assert [each["layerAvailability"] for each in left["layers"]] == ["UNAVAILABLE", "AVAILABLE", "AVAILABLE"]


def test_an_image_that_a_list_names_stays(ecr):
    one = push(ecr, "v1", b"one")
    many = json.dumps({"schemaVersion": 2, "mediaType": KIND, "manifests": [{"digest": one}]})
    ecr.put_image(repositoryName="shop/web", imageManifest=many, imageTag="all")
    (failure,) = ecr.batch_delete_image(repositoryName="shop/web", imageIds=[{"imageDigest": one}])["failures"]
    assert failure["failureCode"] == "ImageReferencedByManifestList"


def test_a_repository_with_images_is_deleted_by_force(cloud, ecr):
    push(ecr, "v1", b"one")
    assert refused(ecr.delete_repository, repositoryName="shop/web") == (
        "RepositoryNotEmptyException",
        f"The repository with name 'shop/web' in registry with id '{ACCOUNT}' cannot be deleted because it still contains images",
    )
    ecr.delete_repository(repositoryName="shop/web", force=True)
    ecr.create_repository(repositoryName="shop/web")
    assert tags(ecr) == {}


# Lifecycle -------------------------------------------------------------------------------------------------


def policy(*rules: dict) -> str:
    shown = [{"rulePriority": n, "selection": rule, "action": {"type": "expire"}} for n, rule in enumerate(rules, 1)]
    return json.dumps({"rules": shown})


def test_images_expire_by_number_and_by_age_each_by_the_first_rule_that_means_it(cloud, ecr):
    """https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html"""
    old = push(ecr, None, b"old")
    kept = []
    for n in range(3):
        cloud.sleep(1)
        kept.append(push(ecr, f"prod-{n}", b"p%d" % n))
    ecr.put_lifecycle_policy(
        repositoryName="shop/web",
        lifecyclePolicyText=policy(
            {"tagStatus": "tagged", "tagPrefixList": ["prod-"], "countType": "imageCountMoreThan", "countNumber": 2},
            {"tagStatus": "any", "countType": "sinceImagePushed", "countUnit": "days", "countNumber": 14},
        ),
    )
    # https://docs.aws.amazon.com/cli/latest/reference/ecr/delete-lifecycle-policy.html shows a policy that was not yet evaluated.
    assert ecr.get_lifecycle_policy(repositoryName="shop/web")["lastEvaluatedAt"].timestamp() == 0
    cloud.sleep(60)
    # The oldest of three goes; ages do not matter to what the first rule means.
    assert set(tags(ecr)) == {old, *kept[1:]}
    cloud.restart(kill=True)
    cloud.sleep(13 * 86_400)
    assert old in tags(ecr)
    cloud.sleep(86_400)
    assert set(tags(ecr)) == set(kept[1:])
    assert ecr.get_lifecycle_policy(repositoryName="shop/web")["lastEvaluatedAt"]
    ecr.delete_lifecycle_policy(repositoryName="shop/web")
    assert refused(ecr.get_lifecycle_policy, repositoryName="shop/web")[0] == "LifecyclePolicyNotFoundException"


UNTAGGED = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}


@pytest.mark.parametrize(
    "text",
    [
        "{", "[]", "{}", policy(), policy(UNTAGGED | {"tagPrefixList": ["a"]}), policy(UNTAGGED | {"tagStatus": "tagged"}),
        policy(UNTAGGED | {"countUnit": "days"}), policy(UNTAGGED | {"countType": "sinceImagePushed"}), policy(UNTAGGED | {"countNumber": 0}),
        policy(UNTAGGED | {"more": 1}), policy(UNTAGGED | {"tagStatus": "any"}, UNTAGGED), policy(UNTAGGED).replace("expire", "keep"),
    ],
)  # fmt: skip
def test_a_policy_that_says_nothing_sensible_is_refused(ecr, text):
    code, told = refused(ecr.put_lifecycle_policy, repositoryName="shop/web", lifecyclePolicyText=text.ljust(100))
    assert code == "InvalidParameterException" and "Lifecycle policy validation failure:" in told


TAGGED = UNTAGGED | {"tagStatus": "tagged"}
MEASURED = [
    (policy(TAGGED), "Must specify tagPrefixList or tagPatternList"),
    (policy(TAGGED | {"tagPrefixList": ["a"], "tagPatternList": ["b*"]}),
     "If policy has a tagged rule, it must specify only one of tagPrefixList or tagPatternList"),
    (policy(UNTAGGED | {"tagPatternList": ["a"]}), "Cannot specify tagPatternList with tagStatus untagged"),
    (policy(TAGGED | {"tagPatternList": ["*a*b*c*d*"]}), "Invalid tag pattern provided"),
    (policy(UNTAGGED, UNTAGGED).replace('"rulePriority": 2', '"rulePriority": 1'), "Duplicate priority in multiple rules"),
    (policy(UNTAGGED).replace('"rulePriority": 1', '"rulePriority": 0'), "numeric instance is lower than the required minimum"),
    (policy(UNTAGGED | {"tagStatus": "any"}, UNTAGGED | {"tagStatus": "any"}), "Only one rule can specify tagStatus=ANY"),
    (policy(UNTAGGED | {"tagStatus": "any"}, UNTAGGED), "Rule for tagStatus=ANY must have the highest rulePriority"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "why"), MEASURED)
def test_what_is_wrong_with_a_lifecycle_policy_is_told_as_aws_does(ecr, text, why):
    """Measured by https://github.com/badmintoncryer/cdk-preflight (rules/ecr)."""
    code, told = refused(ecr.put_lifecycle_policy, repositoryName="shop/web", lifecyclePolicyText=text.ljust(100))
    assert code == "InvalidParameterException" and why in told


def test_archives_of_images_are_refused_by_name(ecr):
    since = UNTAGGED | {"countUnit": "days"}
    for text in (
        policy(since | {"countType": "sinceImagePulled"}), policy(since | {"countType": "sinceImageTransitioned", "storageClass": "archive"}),
        policy(since | {"countType": "sinceImagePushed"}).replace('"type": "expire"', '"type": "transition", "targetStorageClass": "archive"'),
    ):  # fmt: skip
        assert refused(ecr.put_lifecycle_policy, repositoryName="shop/web", lifecyclePolicyText=text.ljust(100))[0] == "NotImplemented"


# As docker speaks ------------------------------------------------------------------------------------------


class Docker:
    """A client of the registry."""

    def __init__(self, cloud, token: str = "") -> None:
        self.cloud, self.headers = cloud, {"authorization": f"Basic {token}"} if token else {}

    def __call__(self, method: str, path: str, body: bytes = b"", **headers: str):
        return self.cloud.http(method, path, host=HOST, body=body, headers=self.headers | {name.replace("_", "-"): value for name, value in headers.items()})


@pytest.fixture
def docker(cloud, ecr):
    return Docker(cloud, ecr.get_authorization_token()["authorizationData"][0]["authorizationToken"])


def test_who_has_no_token_is_asked_for_one(cloud, ecr):
    status, headers, _ = Docker(cloud)("GET", "/v2/")
    assert status == 401 and headers["WWW-Authenticate"].startswith('Basic realm="https://') and headers["Docker-Distribution-Api-Version"] == "registry/2.0"
    assert Docker(cloud, base64.b64encode(b"AWS:forged").decode())("GET", "/v2/")[0] == 401


def test_docker_pushes_and_pulls(cloud, ecr, docker):
    assert docker("GET", "/v2/")[0] == 200
    layer, config = os.urandom(50_000), b'{"os": "linux"}'
    for body in (layer, config):
        assert docker("HEAD", f"/v2/shop/web/blobs/{digest_of(body)}")[0] == 404
        status, headers, _ = docker("POST", "/v2/shop/web/blobs/uploads/")
        assert status == 202
        place = headers["Location"]
        status, headers, _ = docker("PATCH", place, body[:10])
        assert (status, headers["Range"]) == (202, "0-9")
        assert docker("PATCH", place, body[10:])[0] == 202
        assert docker("PUT", f"{place}?digest={digest_of(body)}")[0] == 201
    text = manifest(layer, config=config).encode()
    status, headers, _ = docker("PUT", "/v2/shop/web/manifests/v1", text, content_type=KIND)
    assert (status, headers["Docker-Content-Digest"]) == (201, digest_of(text))
    for reference in ("v1", digest_of(text)):
        status, headers, body = docker("GET", f"/v2/shop/web/manifests/{reference}")
        assert (status, headers["Content-Type"], body) == (200, KIND, text)
    status, headers, body = docker("GET", f"/v2/shop/web/blobs/{digest_of(layer)}")
    assert (status, headers["Content-Length"], body) == (200, "50000", layer)
    assert json.loads(docker("GET", "/v2/shop/web/tags/list")[2]) == {"name": "shop/web", "tags": ["v1"]}
    assert tags(ecr) == {digest_of(text): ["v1"]}
    # What is there may be pushed again.
    assert docker("PUT", "/v2/shop/web/manifests/v1", text, content_type=KIND)[0] == 201


def test_docker_is_told_in_its_own_words_what_is_wrong(cloud, ecr, docker):
    def said(method: str, path: str, body: bytes = b"") -> tuple[int, str]:
        status, _, answer = docker(method, path, body)
        return status, json.loads(answer)["errors"][0]["code"]

    assert said("GET", "/v2/none/tags/list") == (404, "NAME_UNKNOWN")
    assert said("GET", "/v2/shop/web/manifests/none") == (404, "MANIFEST_UNKNOWN")
    assert said("PUT", "/v2/shop/web/manifests/v1", b"{") == (400, "MANIFEST_INVALID")
    assert said("PATCH", "/v2/shop/web/blobs/uploads/0-0", b"x") == (404, "BLOB_UPLOAD_UNKNOWN")
    assert said("GET", f"/v2/shop/web/blobs/{digest_of(b'none')}") == (404, "BLOB_UNKNOWN")
    assert said("GET", "/v2/_catalog") == (404, "UNSUPPORTED")


def test_a_token_is_good_for_twelve_hours_and_for_what_its_owner_may_do(cloud, docker):
    other = Docker(cloud, cloud.client("ecr", key=OTHER).get_authorization_token()["authorizationData"][0]["authorizationToken"])
    assert other("GET", "/v2/")[0] == 200
    status, _, body = other("GET", "/v2/shop/web/tags/list")
    assert (status, json.loads(body)["errors"][0]["code"]) == (403, "DENIED")
    cloud.sleep(43_201)
    assert docker("GET", "/v2/")[0] == 401
