"""Formulas of parameters, such as ``LEAST({DBInstanceClassMemory/9531392},5000)``.

https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/USER_ParamValuesRef.html
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping

from kumoniwa.services.rds.errors import InvalidParameterValue

VARIABLES = ("AllocatedStorage", "DBInstanceClassMemory", "DBInstanceVCPU", "EndPointPort", "TrueIfReplica")
_TOKEN = re.compile(r"\s*(?:(\d+(?:\.\d+)?)|([A-Za-z]+)|([-+*/(){},]))")
_DEPTH_MAX = 20


def is_formula(text: str) -> bool:
    return "{" in text


class _Reader:
    def __init__(self, text: str, known: Mapping[str, float]) -> None:
        self.text, self.known, self.at, self.depth = text, known, 0, 0

    def wrong(self) -> InvalidParameterValue:
        return InvalidParameterValue(f"Invalid parameter value: {self.text}")

    def _peek(self) -> re.Match[str] | None:
        return _TOKEN.match(self.text, self.at)

    def _take(self, wanted: str) -> bool:
        found = self._peek()
        if found is None or found[0].strip() != wanted:
            return False
        self.at = found.end()
        return True

    def whole(self) -> float:
        value = self._sum()
        if self.text[self.at :].strip():
            raise self.wrong()
        return value

    def _sum(self) -> float:
        self.depth += 1
        if self.depth > _DEPTH_MAX:
            raise self.wrong()
        value = self._product()
        while True:
            if self._take("+"):
                value += self._product()
            elif self._take("-"):
                value -= self._product()
            else:
                self.depth -= 1
                return value

    def _product(self) -> float:
        value = self._one()
        while True:
            if self._take("*"):
                value *= self._one()
            elif self._take("/"):
                divisor = self._one()
                if divisor == 0:
                    raise self.wrong()
                value = math.floor(value / divisor)  # "division… returns an integer, rounded down"
            else:
                return value

    def _one(self) -> float:
        for opening, closing in (("{", "}"), ("(", ")")):
            if self._take(opening):
                value = self._sum()
                if not self._take(closing):
                    raise self.wrong()
                return value
        found = self._peek()
        if found is None or found[3]:
            raise self.wrong()
        self.at = found.end()
        if found[1]:
            return float(found[1])
        if self._take("("):
            values = [self._sum()]
            while self._take(","):
                values.append(self._sum())
            if not self._take(")"):
                raise self.wrong()
            return self._function(found[2].upper(), values)
        if found[2] not in self.known:
            raise self.wrong()
        return self.known[found[2]]

    def _function(self, name: str, values: list[float]) -> float:
        if name == "LOG" and len(values) == 1 and values[0] > 0:
            return math.log2(values[0])
        if name in ("GREATEST", "LEAST", "SUM"):
            return {"GREATEST": max, "LEAST": min, "SUM": sum}[name](values)
        raise self.wrong()


def value(text: str, known: Mapping[str, float]) -> int:
    """What a formula comes to. Raises InvalidParameterValue."""
    return int(_Reader(text, known).whole())
