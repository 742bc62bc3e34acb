"""Filter patterns of CloudWatch Logs; the examples are those of AWS's page on their syntax."""

from __future__ import annotations

import json
import time

import pytest

from kumoniwa.languages.log_pattern import InvalidPattern, compiled

LINES = ["[ERROR 400] BAD REQUEST", "[ERROR 401] UNAUTHORIZED REQUEST", "[ERROR 419] MISSING ARGUMENTS", "[WARN] slow"]


@pytest.mark.parametrize(
    "pattern, found",
    [
        ("", [0, 1, 2, 3]),
        ("[]", [0, 1, 2, 3]),
        ("ERROR", [0, 1, 2]),
        ("ERROR REQUEST", [0, 1]),
        ("?ARGUMENTS ?WARN", [2, 3]),
        ("ERROR -REQUEST", [2]),
        ('"BAD REQUEST"', [0]),
        ('-"BAD REQUEST"', [1, 2, 3]),
        ("%AUTHORIZED%", [1]),
        ("%4[01][01]%", [0, 1]),
        ("%^.ERROR 4(1)%", None),
        ("%^.ERROR 41%", [2]),
        ("%slow$|BAD%", [0, 3]),
        ("%R{2}OR%", [0, 1, 2]),
        ("a=b", None),
        ('"open', None),
    ],
)
def test_terms(pattern, found):
    if found is None:
        with pytest.raises(InvalidPattern):
            compiled(pattern)
    else:
        assert [number for number, line in enumerate(LINES) if compiled(pattern)(line)] == found


EVENT = json.dumps(
    {
        "eventType": "UpdateTrail",
        "sourceIPAddress": "111.111.111.111",
        "arrayKey": ["value", "another value"],
        "objectList": [{"name": "a", "id": 1}, {"name": "b", "id": 2}],
        "SomeObject": None,
        "ThisFlag": True,
        "bandwidth": 7.5e1,
        "name with space": "x",
    }
)


@pytest.mark.parametrize(
    "pattern, is_found",
    [
        ('{ $.eventType = "UpdateTrail" }', True),
        ("{ $.eventType = Update* }", True),
        ("{ $.eventType = %^Update[A-Z]% }", True),
        ('{ $.sourceIPAddress != 123.123.* }', True),
        ('{ $.sourceIPAddress = 111.111.* }', True),
        ('{ $.arrayKey[0] = "value" }', True),
        ('{ $.arrayKey[1] = "value" }', False),
        ("{ $.objectList[1].id = 2 }", True),
        ("{ $.objectList[*].id = 2 }", True),
        ("{ $.['name with space'] = x }", True),
        ("{ $.SomeObject IS NULL }", True),
        ("{ $.ThisFlag IS TRUE }", True),
        ("{ $.ThisFlag IS FALSE }", False),
        ("{ $.SomeOtherObject NOT EXISTS }", True),
        ("{ $.SomeObject NOT EXISTS }", False),
        ("{ $.bandwidth > 74 && $.bandwidth <= 7.5e1 }", True),
        ('{ ($.eventType = "no" || $.bandwidth >= 75) && ($.ThisFlag IS TRUE) }', True),
        ('{ $.eventType = "no" || $.bandwidth < 75 }', False),
        ("{ $.missing != 1 }", False),
        ("{ $.eventType > abc }", None),
        ("{ $.eventType = }", None),
        ("{ " + "(" * 500 + "$.a = 1" + ")" * 500 + " }", None),
    ],
)
def test_conditions_on_json(pattern, is_found):
    if is_found is None:
        with pytest.raises(InvalidPattern):
            compiled(pattern)
    else:
        assert compiled(pattern)(EVENT) is is_found
        assert compiled(pattern)("no json") is False


LINE = '127.0.0.1 Prod frank [10/Oct/2000:13:25:15 -0700] "GET /index.html HTTP/1.0" 404 1534'


@pytest.mark.parametrize(
    "pattern, is_found",
    [
        ("[ip, server, username, timestamp, request, status_code, bytes > 1000]", True),
        ("[ip, server, username, timestamp, request, status_code, bytes > 2000]", False),
        ("[ip, server, username, timestamp, request =*.html*, status_code = 4*, bytes]", True),
        ("[..., status_code = 404 || status_code = 410, bytes]", True),
        ("[ip != 127.0.0.1, ...]", False),
        ("[ip=%127\\.0\\.0\\.[0-9]%, ...]", True),
        ("[w1, w2]", False),
        ("[w1, , w2]", None),
        ("[..., a, ...]", None),
    ],
)
def test_fields_separated_by_spaces(pattern, is_found):
    if is_found is None:
        with pytest.raises(InvalidPattern):
            compiled(pattern)
    else:
        assert compiled(pattern)(LINE) is is_found


def test_no_expression_makes_a_search_slow():
    began = time.process_time()
    assert not compiled("%a*a*a*a*a*a*a*a*b$%")("a" * 100_000)
    assert time.process_time() - began < 1.0
