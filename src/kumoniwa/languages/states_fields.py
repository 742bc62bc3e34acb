"""Which fields a state of each type may have, in which query language: the table that definitions are checked against.

AWS refuses a field on any other type: https://github.com/floci-io/floci/issues/2735 and 2968 hold its answers.
"""

from __future__ import annotations

TYPES = ("Task", "Wait", "Pass", "Succeed", "Fail", "Choice", "Parallel", "Map")

_ANY = frozenset({"Type", "Comment", "QueryLanguage"})
_DATA = frozenset({"InputPath", "OutputPath", "Output", "Assign"})
_STEP = frozenset({"Next", "End"})
_WORK = frozenset({"Parameters", "Arguments", "ResultSelector", "ResultPath", "Retry", "Catch"})

SUPPORTED: dict[str, frozenset[str]] = {
    "Pass": _ANY | _DATA | _STEP | {"Parameters", "ResultPath", "Result"},
    "Task": _ANY | _DATA | _STEP | _WORK
    | {"Resource", "TimeoutSeconds", "TimeoutSecondsPath", "HeartbeatSeconds", "HeartbeatSecondsPath", "Credentials"},
    "Choice": _ANY | _DATA | {"Choices", "Default"},
    "Wait": _ANY | _DATA | _STEP | {"Seconds", "SecondsPath", "Timestamp", "TimestampPath"},
    "Succeed": _ANY | {"InputPath", "OutputPath", "Output"},
    "Fail": _ANY | {"Error", "ErrorPath", "Cause", "CausePath"},
    "Parallel": _ANY | _DATA | _STEP | _WORK | {"Branches"},
    "Map": _ANY | _DATA | _STEP | _WORK
    | {"ItemProcessor", "Iterator", "Items", "ItemsPath", "ItemSelector", "ItemReader", "ItemBatcher", "ResultWriter", "Label",
       "MaxConcurrency", "MaxConcurrencyPath", "ToleratedFailureCount", "ToleratedFailureCountPath", "ToleratedFailurePercentage",
       "ToleratedFailurePercentagePath"},
}  # fmt: skip

REQUIRED: dict[str, tuple[str, ...]] = {
    "Task": ("Resource",), "Choice": ("Choices",), "Parallel": ("Branches",),
}  # fmt: skip

ONLY_JSONPATH = frozenset({
    "InputPath", "OutputPath", "Parameters", "ResultPath", "ResultSelector", "Result", "SecondsPath", "TimestampPath",
    "TimeoutSecondsPath", "HeartbeatSecondsPath", "ItemsPath", "MaxConcurrencyPath", "ToleratedFailureCountPath",
    "ToleratedFailurePercentagePath", "ErrorPath", "CausePath",
})  # fmt: skip
ONLY_JSONATA = frozenset({"Arguments", "Output", "Items"})

EXCLUSIVE = (
    ("Seconds", "SecondsPath", "Timestamp", "TimestampPath"),
    ("TimeoutSeconds", "TimeoutSecondsPath"),
    ("HeartbeatSeconds", "HeartbeatSecondsPath"),
    ("MaxConcurrency", "MaxConcurrencyPath"),
    ("ToleratedFailureCount", "ToleratedFailureCountPath"),
    ("ToleratedFailurePercentage", "ToleratedFailurePercentagePath"),
    ("Error", "ErrorPath"),
    ("Cause", "CausePath"),
    ("ItemProcessor", "Iterator"),
    ("ItemSelector", "Parameters"),
    ("Next", "End"),
)
"""Of each group a state may have one."""

REFERENCE_PATHS = frozenset({
    "ResultPath", "SecondsPath", "TimestampPath", "TimeoutSecondsPath", "HeartbeatSecondsPath", "MaxConcurrencyPath",
    "ToleratedFailureCountPath", "ToleratedFailurePercentagePath",
})  # fmt: skip
"""``ItemsPath`` is none of them: it alone may point into the context object."""

OBJECTS = {
    "ItemProcessor": "ProcessorConfig",
    "Iterator": "ProcessorConfig",
    "ItemReader": "ReaderConfig",
    "ItemBatcher": "BatchInput",
    "ResultWriter": "WriterConfig",
}
"""Fields that are objects, and what in them is an object, too."""

LEAST = {
    "Seconds": 0, "TimeoutSeconds": 1, "HeartbeatSeconds": 1, "MaxConcurrency": 0, "ToleratedFailureCount": 0,
    "ToleratedFailurePercentage": 0.0,
}  # fmt: skip
