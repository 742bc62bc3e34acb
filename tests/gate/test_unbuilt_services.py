"""A service that is not built is refused by name, in a form that its own clients read: they told ``501`` and a page of XML."""

from __future__ import annotations

import pytest
from refusals import refused_fully


@pytest.mark.parametrize(
    ("service", "operation", "name"),
    [
        ("glacier", "list_vaults", "the service glacier"),  # by paths, in JSON
        ("iot", "describe_endpoint", "the service iot"),
        ("efs", "describe_file_systems", "the service elasticfilesystem"),
        ("emr", "list_clusters", "the service of ElasticMapReduce.ListClusters"),  # in JSON
        ("autoscaling", "describe_auto_scaling_groups", "the service autoscaling"),  # by forms, in XML
    ],
)
def test_its_name_is_told(cloud, service, operation, name):
    ask = getattr(cloud.client(service), operation)
    assert refused_fully(ask) == (501, "NotImplemented", f"Kumoniwa does not implement {name}.")
