"""Intrinsic functions of the Amazon States Language; values recorded from AWS (localstack's validated intrinsic_functions)."""

import pytest

from kumoniwa.languages.states_intrinsic import compiled, template
from kumoniwa.languages.states_path import InvalidExpression, Scope, StateFailure, put


def value(text: str, data=None):
    return compiled(text)(Scope({} if data is None else data, {"v": {"w": 5}}, lambda: {"Execution": {"Name": "e"}}))


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("States.Format('{} is {}', 'a', $.o)", "a is {Arg1=1, Arg2=[]}"),
        (r"States.Format('it\'s \{{}\}', 1)", "it's {1}"),
        ("States.MathAdd(-1.5, -1.51)", -3),
        ("States.MathAdd(1.49, 1.5)", 3),
        ("States.StringToJson(' ')", None),
        ("States.Array(1, null, States.Array('x'))", [1, None, ["x"]]),
        ("States.ArrayPartition($.l, 2)", [[1, 2], [2, 3]]),
        ("States.ArrayRange(1, 9, 2)", [1, 3, 5, 7, 9]),
        ("States.ArrayUnique($.l)", [1, 2, 3]),
        ("States.ArrayContains($.l, 3)", True),
        ("States.ArrayGetItem($.l[1:], 0)", 2),
        ("States.ArrayLength($.l[?(@ > 1)])", 3),
        ("States.StringSplit('a.b,c', '.,')", ["a", "b", "c"]),
        ("States.Base64Decode(States.Base64Encode('höre'))", "höre"),
        ("States.Hash('x', 'SHA-1')", "11f6ad8ec52a2984abaafd7c3b516503785c2072"),
        ("States.JsonMerge($.o, $v, false)", {"Arg1": 1, "Arg2": [], "w": 5}),
        ("$v.w", 5),
        ("$$.Execution.Name", "e"),
    ],
)
def test_a_function_answers(text, answer):
    assert value(text, {"o": {"Arg1": 1, "Arg2": []}, "l": [1, 2, 2, 3]}) == answer


@pytest.mark.parametrize("text", ["States.Nothing()", "States.Format(", "States.Array(1,)", "States.UUID(1)", "plain", "States.Array('a)", "$.", "States.Array(1) x"])
def test_what_is_no_call_is_refused(text):
    with pytest.raises(InvalidExpression):
        compiled(text)


@pytest.mark.parametrize("text", ["States.ArrayGetItem($.l, 9)", "States.ArrayRange(0, 5000, 1)", "States.Base64Decode('!')", "States.Format('{}')"])
def test_a_call_that_cannot_be_answered_fails(text):
    with pytest.raises(StateFailure) as failure:
        value(text, {"l": []})
    assert failure.value.error == "States.IntrinsicFailure"


def test_a_missing_member_is_told_where_the_path_breaks_off():
    for path, said in (("$.no.such", "Missing property in path $['no']"), ("$.a", "No results for path: $['a']")):
        with pytest.raises(StateFailure) as failure:
            value(path)
        assert failure.value.cause == f"Invalid path '{path}' : {said}"


def test_a_template_computes_only_names_that_end_in_a_dollar():
    made = template({"a.$": "$.x", "b": ["$.x", {"c.$": "States.Array($.x)"}], "d": "$.x"})
    assert made(Scope({"x": 1}, {}, dict)) == {"a": 1, "b": ["$.x", {"c": [1]}], "d": "$.x"}


def test_a_value_is_put_at_a_place_without_changing_what_was_given():
    given = {"a": {"b": 1}}
    assert put(given, ("a", "c", "d"), 2) == {"a": {"b": 1, "c": {"d": 2}}}
    assert given == {"a": {"b": 1}}
    with pytest.raises(StateFailure):
        put({"a": 1}, ("a", "b"), 2)
