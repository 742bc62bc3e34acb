"""Why an execution failed: the reason as GetQueryExecution tells it, and what kind of failure that is.

The numbers: https://docs.aws.amazon.com/athena/latest/ug/error-reference.html. Which of them goes with which of the engine's codes AWS does not
say: 1006 for what is wrong with a query's text is recalled and not proven, the others follow from the page's descriptions.
"""

from __future__ import annotations

from typing import Any

SYSTEM, USER = 1, 2
_TYPES = {
    "EXCEEDED_LOCAL_MEMORY_LIMIT": 0, "GENERIC_INTERNAL_ERROR": 200, "TIMEOUT": 206, "RESULT": 401, "HIVE_BAD_DATA": 1001, "HIVE_CURSOR_ERROR": 1001,
    "HIVE_CANNOT_OPEN_SPLIT": 1001, "DDL": 1003, "HIVE_INVALID_METADATA": 1004, "INVALID_TABLE_PROPERTY": 1103, "INVALID_FUNCTION_ARGUMENT": 1106,
    "INVALID_VIEW": 1107, "NOT_SUPPORTED": 1200, "NOT_IMPLEMENTED": 1200, "NO_BUCKET": 1306, "PERMISSION": 1500, "S3_PERMISSION": 1501,
}  # fmt: skip
_OF_THE_TEXT = 1006
_OF_THE_USER = 1000
_OF_ROWS = ("DIVISION_BY_ZERO", "INVALID_CAST_ARGUMENT", "NUMERIC_VALUE_OUT_OF_RANGE", "SUBQUERY_MULTIPLE_ROWS")


class Failed(Exception):
    def __init__(self, code: str, text: str, state: str = "FAILED") -> None:
        self.code, self.text, self.state = code, text, state
        super().__init__(text)

    def error(self) -> dict[str, Any]:
        """As AthenaError."""
        kind = _TYPES.get(self.code, _OF_THE_USER if self.code in _OF_ROWS else _OF_THE_TEXT)
        is_system = kind < 1000
        return {"ErrorCategory": SYSTEM if is_system else USER, "ErrorType": kind, "Retryable": is_system, "ErrorMessage": self.text}
