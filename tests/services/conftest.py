"""What tests of encryption at rest begin with, where a file that wants more of its key has a fixture of its own, and those of durable functions."""

from __future__ import annotations

import pytest
from durable_workshop import free_port, serve
from sealed import ACCOUNT


@pytest.fixture
def kms(cloud):
    return cloud.client("kms", key=ACCOUNT)


@pytest.fixture
def key(kms) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]


@pytest.fixture
def durable(make_cloud):
    """A cloud that functions reach by a real socket."""
    port = free_port()
    cloud = make_cloud(endpoint=f"http://127.0.0.1:{port}")
    serve(cloud, port)
    yield cloud
    cloud.door.close()
