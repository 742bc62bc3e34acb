"""What a client's call is refused with; a test whose call is let in fails.

``refused(sqs.get_queue_url, QueueName="none") == ("AWS.SimpleQueueService.NonExistentQueue", "…")``. The other functions answer more or less
of the same answer, as their names say.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from botocore.exceptions import ClientError


def refusal(call: Callable, /, *args: Any, **params: Any) -> dict[str, Any]:
    """All that the answer says."""
    with pytest.raises(ClientError) as caught:
        call(*args, **params)
    return caught.value.response


def refused(call: Callable, /, *args: Any, **params: Any) -> tuple[str, str]:
    """Code and message, "" where it has none."""
    error = refusal(call, *args, **params)["Error"]
    return error["Code"], error.get("Message", "")


def refused_code(call: Callable, /, *args: Any, **params: Any) -> str:
    return refusal(call, *args, **params)["Error"]["Code"]


def refused_status(call: Callable, /, *args: Any, **params: Any) -> tuple[int, str]:
    """Status and code."""
    answer = refusal(call, *args, **params)
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"]


def refused_fully(call: Callable, /, *args: Any, **params: Any) -> tuple[int, str, str]:
    """Status, code and message, "" where it has none."""
    answer = refusal(call, *args, **params)
    return answer["ResponseMetadata"]["HTTPStatusCode"], answer["Error"]["Code"], answer["Error"].get("Message", "")


def refuses(call: Callable, code: str, words: str = "", /, **params: Any) -> None:
    """See that a call is refused with this code, in a message that has these words."""
    said, message = refused(call, **params)
    assert said == code and words in message, (said, message)
