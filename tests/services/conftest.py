"""What tests of encryption at rest begin with; a file that wants more of its key has a fixture of its own."""

from __future__ import annotations

import pytest
from sealed import ACCOUNT


@pytest.fixture
def kms(cloud):
    return cloud.client("kms", key=ACCOUNT)


@pytest.fixture
def key(kms) -> str:
    return kms.create_key()["KeyMetadata"]["Arn"]
