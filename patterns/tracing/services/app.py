"""What Lambda calls."""

import mesh  # noqa: F401  # names resolve from here on
from user_service import get_user


def handler(event, context):
    return get_user(event["user_id"])
