"""A pytest plugin: a cloud for test suites.

``kumoniwa_endpoint`` is the URL of a cloud started once for the session (or the one given by ``--kumoniwa-endpoint``).
``kumoniwa`` is an empty cloud for one test, with the AWS environment variables pointing at it::

    def test_orders_are_queued(kumoniwa):
        sqs = kumoniwa.client("sqs")          # or boto3.client("sqs"): the environment is set
        url = sqs.create_queue(QueueName="orders")["QueueUrl"]
"""

from __future__ import annotations

import re
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from typing import Any

import pytest

ENDED_WITHIN_S = 10


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("kumoniwa")
    group.addoption("--kumoniwa-endpoint", default=None, help="use the cloud that runs there instead of starting one; it will be emptied")
    group.addoption("--kumoniwa-args", default="", help="further arguments of `kumoniwa up`, such as '--auth strict'")


class Kumoniwa:
    """An empty cloud. Keys of twelve digits are accounts; ``test`` is account 000000000000."""

    def __init__(self, endpoint: str) -> None:
        self.endpoint = endpoint

    def client(self, service: str, region: str = "us-east-1", account: str = "test", **more: Any) -> Any:
        """A boto3 client that speaks to this cloud."""
        import boto3  # noqa: PLC0415 - the suite's own, not a dependency of the plugin

        keys = {"aws_access_key_id": account, "aws_secret_access_key": "test"}
        return boto3.client(service, region_name=region, endpoint_url=self.endpoint, **{**keys, **more})

    def reset(self, account: str | None = None) -> None:
        """Empty the cloud, or one account of it."""
        asked = f"?account={account}" if account else ""
        urllib.request.urlopen(f"{self.endpoint}/_kumoniwa/reset{asked}", data=b"", timeout=30).read()

    def region(self, name: str, what: str) -> None:
        """``kill``, ``pause``, ``resume`` or ``restart`` a region."""
        urllib.request.urlopen(f"{self.endpoint}/_kumoniwa/regions/{name}/{what}", data=b"", timeout=30).read()


@pytest.fixture(scope="session")
def kumoniwa_endpoint(request: pytest.FixtureRequest) -> Iterator[str]:
    """The URL of a cloud that lives as long as the session."""
    given = request.config.getoption("--kumoniwa-endpoint")
    if given:
        yield given.rstrip("/")
        return
    command = [sys.executable, "-m", "kumoniwa.cli.main", "up", "--port", "0", *request.config.getoption("--kumoniwa-args").split()]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    line = process.stdout.readline()
    found = re.search(r"http://\S+:\d+", line)
    if not found:
        process.kill()
        pytest.fail(f"kumoniwa did not start: {line!r}")
    yield found[0]
    process.terminate()
    process.wait(ENDED_WITHIN_S)


@pytest.fixture
def kumoniwa(kumoniwa_endpoint: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Kumoniwa]:
    """An empty cloud, and an environment in which AWS's own tools find it."""
    cloud = Kumoniwa(kumoniwa_endpoint)
    for name, value in (
        ("AWS_ENDPOINT_URL", kumoniwa_endpoint),
        ("AWS_ACCESS_KEY_ID", "test"),
        ("AWS_SECRET_ACCESS_KEY", "test"),
        ("AWS_DEFAULT_REGION", "us-east-1"),
        ("AWS_REGION", "us-east-1"),
        # Some operations put a word before the endpoint's host, which no resolver knows on this machine.
        ("AWS_DISABLE_HOST_PREFIX_INJECTION", "true"),
    ):
        monkeypatch.setenv(name, value)
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    cloud.reset()
    yield cloud
