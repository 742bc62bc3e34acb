"""The operations of EC2."""
# ruff: noqa: F401 (operations and hooks)

from __future__ import annotations

from kumoniwa.services.ec2.access import TAG_CONDITIONS, all_tags, conditions_of, params_of, resource_of, tags_of
from kumoniwa.services.ec2.account import DescribeAccountAttributes
from kumoniwa.services.ec2.region_list import DescribeAvailabilityZones, DescribeRegions
from kumoniwa.services.ec2.tag import reserved_tag
from kumoniwa.services.ec2.tagging import CreateTags, DeleteTags, DescribeTags
