"""Whatever is tagged in any service is found by the tagging API, tagged there and untagged.

Of every kind that ``tagged_things`` makes but those that have no tags of their own, and users and roles, which AWS does not find:
https://docs.aws.amazon.com/resourcegroupstagging/latest/APIReference/supported-services.html
"""

from __future__ import annotations

from tagged_things import KINDS, OF_PATHS, Make, furnish

from kumoniwa.kernel.operation import load, service_names

GO_BY_ANOTHER = (
    "object", "schedule", "log-stream", "function version", "function alias", "statemachineversion", "statemachinealias", "execution", "stage",
    "action",
)  # fmt: skip
NOT_FOUND = ("user", "role")
RECIPES = sorted(
    {(prefix, recipe) for prefix, kinds in KINDS.items() if prefix != "ebs" for kind, recipe in kinds.items() if kind not in GO_BY_ANOTHER + NOT_FOUND}
    | {("apigateway", recipe) for recipes in OF_PATHS.values() for recipe in recipes},
    key=lambda each: (each[0], each[1].__name__),
)  # fmt: skip


def found(tagging, **asked) -> dict[str, dict[str, str]]:
    pages = tagging.get_paginator("get_resources").paginate(**asked)
    return {each["ResourceARN"]: {tag["Key"]: tag["Value"] for tag in each["Tags"]} for page in pages for each in page["ResourceTagMappingList"]}


def test_what_is_tagged_in_any_service_is_found_and_tagged_and_untagged_here(make_cloud):
    cloud = make_cloud()
    furnish(cloud)
    tagging, unfound, failed = cloud.client("resourcegroupstaggingapi"), [], {}
    for number, (prefix, recipe) in enumerate(RECIPES):
        recipe(Make(cloud, f"v{number}", number))
        own = [arn for arn in found(tagging, TagFilters=[{"Key": "team", "Values": [f"v{number}"]}]) if arn.split(":")[2] == prefix]
        if not own:
            unfound.append(f"{prefix}:{recipe.__name__}")
            continue
        if recipe.__name__ == "bucket":
            # What such a bucket's tags decide has rights of its own: AWS, S3's guide, "Enabling ABAC".
            cloud.client("s3").put_bucket_abac(Bucket=own[0].rpartition(":")[2], AbacStatus={"Status": "Disabled"})
        refused = tagging.tag_resources(ResourceARNList=own[:1], Tags={"more": "y", "team": "x"})["FailedResourcesMap"]
        if refused:
            failed[f"{prefix}:{recipe.__name__}"] = refused[own[0]]["ErrorCode"]
            continue
        assert found(tagging, ResourceARNList=own[:1]) == {own[0]: {"more": "y", "team": "x"}}
        assert tagging.untag_resources(ResourceARNList=own[:1], TagKeys=["team", "other"])["FailedResourcesMap"] == {}
        assert found(tagging, ResourceARNList=own[:1]) == {own[0]: {"more": "y"}}
    assert unfound == []
    # AWS tags stacks by updating them, which is not done here.
    assert failed == {"cloudformation:stack": "InternalServiceException", "cloudformation:stack_set": "InternalServiceException"}


def test_whichever_service_tells_policies_of_tags_tells_of_all_that_it_has():
    silent = {name for name in service_names() if load(name).tags_of is not None and load(name).all_tags is None}
    # Those of EC2's snapshots, of RDS's clusters, of the second API of SES, of IAM's roles.
    assert silent == {"ebs", "rds-data", "ses", "sts"}
