"""How an execution fails: by the customer's doing, which counts as a try of its batch, or because somebody cannot be asked now."""

from __future__ import annotations

from kumoniwa.kernel.errors import AwsError


class StageFailed(Exception):
    """Enrichment or target did not do their part, by the customer's doing."""

    def __init__(self, text: str, status: int = 400, service: str = "") -> None:
        super().__init__(text)
        self.text, self.status, self.service = text, status, service


class TargetBusy(AwsError):
    """An endpoint cannot be called now."""

    code = "ServiceUnavailable"
    status = 503
