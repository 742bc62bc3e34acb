"""No operation that tags or untags is forgotten where reserved tags are guarded, and what the guard reads."""

from __future__ import annotations

import re

import pytest

from kumoniwa.aws import models
from kumoniwa.gate import reserved_tags
from kumoniwa.gate import tags as gate_tags
from kumoniwa.kernel import principal as principals
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.operation import load, service_names

_TAGGING = re.compile(r"(Tag|Untag)(?!Options)[A-Z]|(Add|Remove|Change)Tags")
CLOUDFORMATION = principals.Principal(kind="user", account="1" * 12, arn="a", through="cloudformation.amazonaws.com")


@pytest.mark.parametrize("service", sorted(service_names() - {"s3"}))
def test_every_operation_that_tags_is_guarded(service):
    model = models.service(service)
    for name in load(service).handlers:
        if _TAGGING.match(name):
            assert gate_tags.members_of(service, name, model.operation(name).input.members), name


@pytest.mark.parametrize("tags", [
    [{"Key": "a", "Value": ""}, {"Key": "aws:b", "Value": ""}], [{"key": "aws:b"}], [{"TagKey": "aws:b"}], {"aws:b": ""}, ["a", "aws:b"],
    {"Items": ["aws:b"]}, {"Items": [{"Key": "aws:b"}]}, {"DistributionConfig": {}, "Tags": {"Items": [{"Key": "aws:b", "Value": ""}]}},
])  # fmt: skip
def test_a_reserved_key_is_seen_however_a_service_spells_tags(tags):
    service = load("sqs")
    with pytest.raises(AwsError, match="aws:b"):
        reserved_tags.guard(principals.root("123456789012"), service, "TagQueue", "json", {"Tags": tags}, ("Tags",))


def test_a_service_of_aws_touches_the_tags_of_its_own_name_alone():
    keys = ["aws:cloudformation:stack-name", "AWS:x", "aws:backup:source-resource"]
    assert reserved_tags.refused(CLOUDFORMATION, keys[:1]) == "" and reserved_tags.refused(CLOUDFORMATION, keys) == "AWS:x"
    assert reserved_tags.refused(principals.service("backup.amazonaws.com", "1" * 12), keys[2:]) == ""
    assert reserved_tags.refused(principals.root("123456789012"), ["aws", "awsx", *keys]) == keys[0]
