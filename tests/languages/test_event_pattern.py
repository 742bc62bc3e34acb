"""Event patterns. What they refuse and where was recorded from AWS (test_events_patterns: test_event_pattern[…_EXC])."""

from __future__ import annotations

import json

import pytest

from kumoniwa.languages.event_pattern import InvalidPattern, compile, flat

REFUSED = [
    ('{"resources": []}', 'Empty arrays are not allowed', 17, 1),
    ('{"detail": {"state": [{"anything-but": {"equals-ignore-case": 123}}]}}', 'Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.', 66, 1),
    ('{"detail": {"state": [{"anything-but": {"equals-ignore-case": [123, 456]}}]}}', 'Inside anything-but/equals-ignore-case list, number|start|null|boolean is not supported.', 67, 2),
    ('{"detail": {"state": [{"anything-but": ["stopped", null]}]}}', 'Inside anything but list, start|null|boolean is not supported.', 56, 2),
    ('{"detail": {"state": [{"anything-but": null}]}}', 'Value of anything-but must be an array or single string/number value.', 44, 1),
    ('{"detail": {"FileName": [{"anything-but": {"prefix": ""}}]}}', 'Null prefix/suffix not allowed', 56, 1),
    ('{"detail": {"FileName": [{"anything-but": {"prefix": {"equals-ignore-case": "file"}}}]}}', 'Value of anything-but must be an array or single string/number value.', 55, 1),
    ('{"detail": {"state": [{"anything-but": {"prefix": 123}}]}}', 'prefix/suffix match pattern must be a string', 54, 1),
    ('{"detail": {"state": [{"anything-but": {"prefix": [123, "test"]}}]}}', 'prefix/suffix match pattern must be a string', 55, 2),
    ('{"detail": {"FileName": [{"anything-but": {"suffix": ""}}]}}', 'Null prefix/suffix not allowed', 56, 1),
    ('{"detail": {"FileName": [{"anything-but": {"suffix": {"equals-ignore-case": ".png"}}}]}}', 'Value of anything-but must be an array or single string/number value.', 55, 1),
    ('{"detail": {"FileName": [{"anything-but": {"suffix": 123}}]}}', 'prefix/suffix match pattern must be a string', 57, 1),
    ('{"detail": {"FileName": [{"anything-but": {"suffix": [null, ".txt"]}}]}}', 'prefix/suffix match pattern must be a string', 59, 2),
    ('{"detail": {"FileName": [{"anything-but": {"suffix": [123, ".txt"]}}]}}', 'prefix/suffix match pattern must be a string', 58, 2),
    ('{"detail": {"state": [{"anything-but": {"wildcard": [123, "*/dir/*"]}}]}}', 'wildcard match pattern must be a string', 57, 2),
    ('{"detail": {"FilePath": [{"anything-but": {"wildcard": 123}}]}}', 'wildcard match pattern must be a string', 59, 1),
    ('{"detail-type": [{"equals-ignore-case": ["ec2 instance state-change notification"]}]}', 'equals-ignore-case match pattern must be a string', 42, 1),
    ('{"detail-type": [{"equals-ignore-case": {"prefix": "ec2"}}]}', 'equals-ignore-case match pattern must be a string', 42, 1),
    ('{"detail": {"sourceIPAddress": [{"cidr": "bad-filter"}]}}', "Malformed CIDR, one '/' required", 0, 0),
    ('{"detail": {"sourceIPAddress": [{"cidr": "xx.11.xx/8"}]}}', 'Nonstandard IP address: xx.11.xx', 0, 0),
    ('{"detail": {"sourceIPAddress": [{"cidr": "bad-/64filter"}]}}', 'Malformed CIDR, mask bits must be an integer', 0, 0),
    ('{"detail": {"sourceIPAddress": [{"cidr": ["bad-type"]}]}}', 'prefix match pattern must be a string', 43, 1),
    ('{"detail": {"sourceIPAddress": [{"cidr": "xxxx:db8:1234:1a00::/64"}]}}', 'Nonstandard IP address: xxxx:db8:1234:1a00::', 0, 0),
    ('{"detail": {"c-count": [{"numeric": [">", 0, ">", 0]}]}}', 'Bad numeric range operator: >', 49, 1),
    ('{"detail": {"c-count": [{"numeric": 10}]}}', 'Value of numeric must be an array.', 39, 1),
    ('{"detail": {"equal": [{"NUMERIC": ["=", 5]}]}}', 'Unrecognized match type NUMERIC', 36, 1),
    ('{"detail": {"c-count": [{"numeric": [">", 0, "<"]}]}}', 'Value of < must be numeric', 50, 1),
    ('{"time": [{"prefix": 123}]}', 'prefix match pattern must be a string', 25, 1),
    ('{"time": [{"prefix": ["2022-07-13"]}]}', 'prefix match pattern must be a string', 23, 1),
    ('{"FileName": [{"suffix": 123}]}', 'suffix match pattern must be a string', 29, 1),
    ('{"FileName": [{"suffix": [".png"]}]}', 'suffix match pattern must be a string', 27, 1),
    ('{"EventBusArn": [{"wildcard": "*:*:*:*:*:event-bus/*"}]}', 'Rule is too complex - try using fewer wildcard characters or fewer repeating character sequences after a wildcard character', 0, 0),
    ('{"EventBusArn": [{"wildcard": 123}]}', 'wildcard match pattern must be a string', 34, 1),
    ('{"EventBusArn": [{"wildcard": ["arn:aws:events:us-east-1:**:event-bus/*"]}]}', 'wildcard match pattern must be a string', 32, 1),
    ('{"EventBusArn": [{"wildcard": "arn:aws:events:us-east-1:**:event-bus/*"}]}', 'Consecutive wildcard characters at pos 26', 72, 1),
    ('{"int": 42}', '"int" must be an object or an array', 11, 1),
    ('{"my_key": [{"EXISTS": true}]}', 'Unrecognized match type EXISTS', 28, 1),
    ('{"string": "my-value"}', '"string" must be an object or an array', 13, 1),
]


@pytest.mark.parametrize("pattern, reason, column, times", REFUSED)
def test_what_is_no_pattern_is_refused_where_aws_stopped_reading(pattern, reason, column, times):
    with pytest.raises(InvalidPattern) as refused:
        compile(pattern)
    assert str(refused.value) == reason + f'\n at [Source: (String)"{pattern}"; line: 1, column: {column}]' * times


_WANTED = "was expecting (JSON String, Number, Array, Object or token 'null', 'true' or 'false')"


# Recorded: test_invalid_json_event_pattern.
@pytest.mark.parametrize(
    "pattern, reason, column",
    [
        ("this is valid json but not a dict", f"Unrecognized token 'this': {_WANTED}", 5),
        ("{'bad': 'quotation'}", "Unexpected character (''' (code 39)): was expecting double-quote to start field name", 2),
        ('{"not": closed mark"', f"Unrecognized token 'closed': {_WANTED}", 15),
        ('["not", "a", "dict", "but valid json"]', "Filter is not an object", 2),
    ],
)
def test_what_is_no_json_is_refused_as_jackson_does(pattern, reason, column):
    with pytest.raises(InvalidPattern) as refused:
        compile(pattern)
    assert str(refused.value) == f'{reason}\n at [Source: (String)"{pattern}"; line: 1, column: {column}]'


@pytest.mark.parametrize("written", ["1152921504606846977", "0.12345678901234567891", "1e400"])
@pytest.mark.parametrize("operator", ['{"numeric": [">", %s]}', '{"numeric": [">", 0, "<", %s]}', '{"anything-but": [%s]}'])
def test_a_number_that_no_double_holds_cannot_be_compared(operator, written):
    """What AWS's own engine says: event-ruler's ComparableNumber.java, and RuleCompiler.check, which passes on the text alone."""
    with pytest.raises(InvalidPattern) as refused:
        compile('{"detail": {"n": [' + operator % written + "]}}")
    assert str(refused.value) == f"Cannot compare number : {written}"


@pytest.mark.parametrize("written", ["9007199254740992", "0.1", "3.018e2", "-1", "1E5"])
def test_a_number_that_a_double_holds_can(written):
    compile('{"detail": {"n": [{"numeric": ["<", ' + written + "]}]}}")


PREFIX_ANY_CASE = {"prefix": {"equals-ignore-case": "Ab"}}
MATCHES = [
    (["a"], "a", True),
    (["a"], "A", False),
    ([""], "", True),
    ([None], None, True),
    ([None], "null", False),
    ([None], [], False),
    ([True], True, True),
    ([True], 1, False),
    ([1], True, False),
    ([300], 300.0, True),
    (["300"], 300, False),
    (["2001:db8::1"], "2001:0db8:0000:0000:0000:0000:0000:0001", True),
    (["a", "b"], ["x", "b"], True),
    ([{"prefix": ""}], "x", True),
    ([{"prefix": "ab"}], "abc", True),
    ([PREFIX_ANY_CASE], "aBc", True),
    ([PREFIX_ANY_CASE], "xaBc", False),
    ([{"suffix": ".png"}], "a.png", True),
    ([{"suffix": {"equals-ignore-case": ".png"}}], "a.PNG", True),
    # Each character in its lower or its upper form, and these are as long as they are: event-ruler's EqualsIgnoreCaseParser.java.
    ([{"equals-ignore-case": "straße"}], "STRASSE", True),
    ([{"equals-ignore-case": "straße"}], "strasse", False),
    ([{"equals-ignore-case": "strasse"}], "STRAßE", False),
    ([{"equals-ignore-case": "a.c"}], "abc", False),
    ([{"prefix": {"equals-ignore-case": "straße"}}], "STRASSEN", True),
    ([{"suffix": {"equals-ignore-case": "ße"}}], "STRASSE", True),
    ([{"suffix": {"equals-ignore-case": "ße"}}], "STRASSE\n", False),
    ([{"equals-ignore-case": "\U00010428"}], "\U00010400", False),
    ([{"anything-but": "a"}], None, True),
    ([{"anything-but": "a"}], "a", False),
    ([{"anything-but": "a"}], 5, True),
    ([{"anything-but": ["a", "b"]}], "b", False),
    ([{"anything-but": [100, 200]}], 200.0, False),
    ([{"anything-but": 0}], 7, True),
    ([{"anything-but": {"prefix": ["init", "post"]}}], "post-1", False),
    ([{"anything-but": {"prefix": "init"}}], 12, True),
    ([{"anything-but": {"suffix": ".txt"}}], "a.md", True),
    ([{"anything-but": {"equals-ignore-case": ["A", "B"]}}], "b", False),
    ([{"anything-but": {"wildcard": "*/dir/*"}}], "x/dir/y", False),
    ([{"anything-but": {"wildcard": ""}}], "x", True),
    ([{"numeric": [">", 0, "<=", 5]}], 5, True),
    ([{"numeric": [">", 0, "<=", 5]}], 0, False),
    ([{"numeric": ["=", 3.018e2]}], 301.8, True),
    ([{"numeric": [">", 100]}], "300", False),
    ([{"numeric": [">", 100]}], None, False),
    ([{"exists": True}], "x", True),
    ([{"exists": True}], [], False),
    ([{"exists": True}], {"inner": 1}, False),
    ([{"exists": False}], {"inner": 1}, True),
    ([{"exists": False}], "x", False),
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.255", True),
    ([{"cidr": "10.0.0.0/24"}], "10.0.0.256", False),
    ([{"cidr": "10.0.0.0/24"}], 123, False),
    # event-ruler's CIDR.java: zeros ahead are decimal, zones and dotted ends are no addresses.
    ([{"cidr": "10.0.0.0/24"}], "010.0.0.5", True),
    ([{"cidr": "0177.0.0.0/24"}], "177.0.0.5", True),
    ([{"cidr": "fe80::/16"}], "fe80::1%eth0", False),
    ([{"cidr": "::/8"}], "::ffff:10.0.0.1", False),
    (["10.0.0.5"], "010.0.0.5", True),
    ([{"cidr": "2001:db8:1234:1a00::/64"}], "2001:0db8:1234:1a00:0000:0000:0000:0000", True),
    ([{"equals-ignore-case": "AbC"}], "aBc", True),
    ([{"wildcard": "/Users/*/dir/dir/dir/dir/dir/doc.txt"}], "/Users/x/dir/dir/dir/dir/dir/dir/doc.txt", True),
    ([{"wildcard": "a*?"}], "ab?", True),
    ([{"wildcard": "a*?"}], "abc", False),
    ([{"wildcard": r"a\*b"}], "a*b", True),
    ([{"wildcard": r"a\*b"}], "axb", False),
    ([{"wildcard": ""}], "x", False),
    ([{"exists": True}, {"prefix": "no"}], "x", True),
]


@pytest.mark.parametrize("wanted, value, is_matched", MATCHES)
def test_one_value(wanted, value, is_matched):
    assert compile({"detail": {"field": wanted}}).matches({"detail": {"field": value}}) is is_matched


@pytest.mark.parametrize(
    "wanted, is_matched",
    [([{"anything-but": "a"}], False), ([{"exists": False}], True), ([{"anything-but": "a"}, {"exists": False}], True), ([None], False)],
)
def test_a_field_that_is_not_there(wanted, is_matched):
    assert compile({"detail": {"field": {"inner": wanted}}}).matches({"detail": {"other": 1}}) is is_matched


def test_dots_join_names_in_patterns_and_events():
    # Recorded: test_event_pattern[dot_joining_…].
    assert compile({"detail": {"state.status": ["on"]}}).matches({"detail": {"state": {"status": "on"}}})
    assert compile({"detail": {"state": {"status": ["on"]}}}).matches({"detail": {"state.status": "on"}})
    assert not compile({"detail": {"state": {"status": ["on"]}}}).matches({"detail": {"state.status": {"status": "on"}}})


def test_conditions_on_one_array_hold_for_one_element():
    # https://github.com/aws/event-ruler#json-array-matching
    pattern = compile({"songs": {"writers": {"first": ["Graham"], "last": ["Nash"]}, "year": [{"exists": True}]}})
    apart = [{"first": "Graham", "last": "Gouldman"}, {"first": "David", "last": "Nash"}]
    together = [*apart, {"first": "Graham", "last": "Nash"}]
    assert not pattern.matches({"songs": [{"writers": apart, "year": 1}]})
    assert pattern.matches({"songs": [{"writers": apart, "year": 1}, {"year": 2, "writers": together}]})
    assert not pattern.matches({"songs": [{"writers": {"first": "Graham", "last": "Nash"}}, {"year": 2}]})


def test_or_needs_one_of_its_alternatives_and_all_that_stand_beside_it():
    pattern = compile({"source": ["s"], "detail": {"$or": [{"c": [{"numeric": ["<", 5]}]}, {"d": ["x"]}], "e": [1]}})
    assert pattern.matches({"source": "s", "detail": {"c": 1, "e": 1}})
    assert pattern.matches({"source": "s", "detail": {"c": 9, "d": "x", "e": 1}})
    assert not pattern.matches({"source": "s", "detail": {"c": 9, "e": 1}})
    assert not pattern.matches({"source": "s", "detail": {"c": 1, "e": 2}})


def test_or_is_a_field_where_it_can_be_nothing_else():
    # https://github.com/aws/event-ruler#or-matching
    assert compile({"$or": ["a"]}).matches({"$or": "a"})
    assert compile({"$or": [{"prefix": "a"}, {"prefix": "b"}]}).matches({"$or": "bc"})


def test_a_pattern_with_too_many_combinations_is_refused():
    with pytest.raises(InvalidPattern, match="combinations"):
        compile({f"f{n}": {"$or": [{"a": [1]}, {"b": [1]}]} for n in range(11)})


def test_many_arrays_do_not_make_a_match_slow():
    pattern = compile({f"a{n}": {"x": [{"exists": True}], "y": [{"exists": True}]} for n in range(20)})
    assert pattern.matches({f"a{n}": [{"x": 1, "y": 1}] * 20 for n in range(20)})


BROKEN = ["", "{", '{"a"', '{"a":', '{"a":[', '{"a":[1', '{"a":[1}', '{"a":[{"numeric":["=",', '{"a":[1],}', "[" * 5000, '{"a":' * 5000]


@pytest.mark.parametrize("text", BROKEN)
def test_what_is_cut_off_is_refused(text):
    with pytest.raises(InvalidPattern):
        compile(text)


def test_a_pattern_is_the_same_as_text_and_as_object():
    pattern = {"a": [{"prefix": "x"}]}
    assert compile(json.dumps(pattern)).matches({"a": "xy"}) and compile(pattern).matches({"a": "xy"})


@pytest.mark.parametrize(
    "pattern, may",
    [
        ({"detail": {"a": [1]}}, True),
        ({"source": ["aws.s3"], "detail": {"a": [1]}}, True),
        ({"source": ["aws.ec2"], "detail": {"a": [1]}}, False),
        ({"source": [{"prefix": "aws."}], "detail-type": [{"anything-but": "Object Created"}]}, False),
        ({"$or": [{"source": ["aws.ec2"]}, {"detail": {"a": [1]}}]}, True),
        ({"$or": [{"source": ["aws.ec2"]}, {"detail-type": ["x"]}], "account": ["1"]}, False),
        ({"source": [{"exists": False}]}, False),
        ({"region": [{"exists": False}]}, True),
    ],
)
def test_what_is_known_of_an_event_may_tell_that_it_is_not_wanted(pattern, may):
    known = flat({"source": "aws.s3", "detail-type": "Object Created"})
    assert compile(pattern).may_match(known) is may
