"""ECR tells EventBridge what is pushed and deleted: https://docs.aws.amazon.com/AmazonECR/latest/userguide/ecr-eventbridge.html"""

from __future__ import annotations

import json

from fact_workshop import heard, hears
from refusals import refused
from test_ecr import KIND, ecr, manifest, policy, push

__all__ = ["ecr"]
SOURCE = "aws.ecr"


def done(events: list[dict]) -> list[tuple[str, str, str]]:
    return [(each["detail"]["action-type"], each["detail"]["image-digest"], each["detail"]["image-tag"]) for each in events]


def test_a_push_is_told_with_its_tag_and_without(cloud, ecr):
    hears(cloud, SOURCE)
    bare, tagged = push(ecr, None, b"one"), push(ecr, "latest", b"two")
    events = heard(cloud)
    assert done(events) == [("PUSH", bare, ""), ("PUSH", tagged, "latest")]
    assert (events[1]["detail-type"], events[1]["resources"]) == ("ECR Image Action", [])
    assert events[1]["detail"] == {
        "result": "SUCCESS", "repository-name": "shop/web", "image-digest": tagged, "action-type": "PUSH", "image-tag": "latest",
        "manifest-media-type": KIND, "artifact-media-type": "x",
    }  # fmt: skip


def test_a_refused_push_tells_nothing(cloud, ecr):
    push(ecr, "latest", b"one")
    hears(cloud, SOURCE)
    assert refused(ecr.put_image, repositoryName="shop/web", imageManifest=manifest(b"one"), imageTag="latest")[0] == "ImageAlreadyExistsException"
    assert heard(cloud) == []


def test_a_deleted_image_is_told_under_each_of_its_tags(cloud, ecr):
    digest = push(ecr, "a", b"one")
    push(ecr, "b", b"one")
    hears(cloud, SOURCE)
    ecr.batch_delete_image(repositoryName="shop/web", imageIds=[{"imageDigest": digest}])
    assert done(heard(cloud)) == [("DELETE", digest, "a"), ("DELETE", digest, "b")]


def test_what_expires_is_told_as_deleted_also_after_a_kill(cloud, ecr):
    old = push(ecr, "old", b"one")
    cloud.sleep(1)
    push(ecr, "new", b"two")
    hears(cloud, SOURCE)
    text = policy({"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1})
    ecr.put_lifecycle_policy(repositoryName="shop/web", lifecyclePolicyText=text)
    cloud.sleep(86_400)
    cloud.restart(kill=True)
    assert done(heard(cloud)) == [("DELETE", old, "old")]


def test_what_refers_to_an_image_is_told_apart(cloud, ecr):
    image = push(ecr, "latest", b"one")
    hears(cloud, SOURCE)
    referring = json.loads(manifest(b"one")) | {"subject": {"mediaType": KIND, "digest": image, "size": 1}}
    ecr.put_image(repositoryName="shop/web", imageManifest=json.dumps(referring))
    (event,) = heard(cloud)
    assert (event["detail-type"], event["detail"]["action-type"]) == ("ECR Referrer Action", "PUSH")
