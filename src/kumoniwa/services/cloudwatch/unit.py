"""The units a value may have, in the order in which CloudWatch prefers them where a question names none.

Recorded: localstack's test_get_metric_data_different_units_no_unit_in_query.
"""

from __future__ import annotations

UNITS = (
    "Megabits", "Terabits", "Gigabits", "Count", "Bytes", "Gigabytes", "Gigabytes/Second", "Kilobytes", "Kilobits/Second", "Terabytes",
    "Terabits/Second", "Bytes/Second", "Percent", "Megabytes", "Megabits/Second", "Milliseconds", "Microseconds", "Kilobytes/Second",
    "Gigabits/Second", "Megabytes/Second", "Bits", "Bits/Second", "Count/Second", "Seconds", "Kilobits", "Terabytes/Second", "None",
)  # fmt: skip
NUMBERS = {name: number for number, name in enumerate(UNITS)}
