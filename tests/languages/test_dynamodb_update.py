"""Updates and projections: AWS's complaints, word for word, and what becomes of an item.

Texts and cases without another source were recorded from AWS by mhart/dynalite (test/updateItem.js,
test/getItem.js).
"""

from __future__ import annotations

import copy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.kernel.errors import ValidationException
from kumoniwa.languages.dynamodb.request import bind
from kumoniwa.languages.dynamodb.value import check_item

NAMES = {"#1": "1", "#c": "c", "#d": "[3]"}


def names_in(text: str) -> dict | None:
    return {key: name for key, name in NAMES.items() if key in text} or None


def update(item: dict, text: str, values: dict | None = None) -> dict:
    [plan] = bind(names_in(text), values, ("UpdateExpression", text))
    before = copy.deepcopy(item)
    new = plan.apply(item, values or {})
    assert item == before, "an update must leave the old item alone"
    return new


def refusal(text: str, values: dict | None = None, item: dict | None = None) -> str:
    with pytest.raises(ValidationException) as refused:
        update(item or {}, text, values)
    return refused.value.text


@pytest.mark.parametrize(
    "text",
    [
        "whatever",
        "set a",
        "add a",
        "set a=set",
        "remove a = b",
        "add a = b",
        "delete a b",
        "add a if_not_exist(b)",
        "remove a b",
        "set :a = b",
        "set a = b / c",
        'set a[1] = "eight"',
        "set a[1] = 1",
        "SET if_not_exist(a, b) = a",
        "set (a = (b + c))",
        "set a = (b.c).d + e",
        "set a = b + c + d",
    ],
)
def test_what_is_no_update_is_a_syntax_error(text):
    assert refusal(text).startswith("Invalid UpdateExpression: Syntax error; ")


def test_a_lonely_colon_is_shown_as_aws_shows_it():
    # Source: aws/aws-cdk issue 7591.
    assert (
        refusal("ADD hits : incr")
        == 'Invalid UpdateExpression: Syntax error; token: ":", near: "hits : incr"'
    )
    assert refusal("INVALID SYNTAX HERE") == (
        'Invalid UpdateExpression: Syntax error; token: "INVALID", near: "INVALID SYNTAX"'
    )


OVERLAP = "Two document paths overlap with each other; must remove or rewrite one of these paths; "
CONFLICT = "Two document paths conflict with each other; must remove or rewrite one of these paths; "


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (" set #c = :c set abOrt = true ", "Attribute name is a reserved keyword; reserved keyword: abOrt"),
        ("set #c = if_not_exist(:c) set c = d", "Invalid function name; function: if_not_exist"),
        ("set a = #c set c = :d", 'The "SET" section can only be used once in an update expression;'),
        ("add #d :e set a = b add e :f", 'The "ADD" section can only be used once in an update expression;'),
        (
            "SET #x = if_not_exists(:c)",
            "An expression attribute name used in the document path is not defined; attribute name: #x",
        ),
        (
            "SET #c = if_not_exists(:c)",
            "An expression attribute value used in expression is not defined; attribute value: :c",
        ),
        (
            "set d[1] = a, d.b = a, c[1].a = a, #c = if_not_exists(a)",
            OVERLAP + "path one: [c, [1], a], path two: [c]",
        ),
        ("set #c[3].#d = a, #c[3] = a", OVERLAP + "path one: [c, [3], [3]], path two: [c, [3]]"),
        ("set a = b, a = c", OVERLAP + "path one: [a], path two: [a]"),
        (
            "set #c[3].#d = a, #c.#d[3] = if_not_exists(a)",
            CONFLICT + "path one: [c, [3], [3]], path two: [c, [3], [3]]",
        ),
        ("remove a.#c set a[1] = #d", CONFLICT + "path one: [a, c], path two: [a, [1]]"),
        (
            "set a = if_not_exists(c)",
            "Incorrect number of operands for operator or function; "
            "operator or function: if_not_exists, number of operands: 1",
        ),
        (
            "set a = if_not_exists(if_not_exists(a, b), c)",
            "Operator or function requires a document path; operator or function: if_not_exists",
        ),
    ],
)
def test_an_invalid_update_is_refused_in_awss_words(text, why):
    assert refusal(text) == f"Invalid UpdateExpression: {why}"


@pytest.mark.parametrize(
    ("text", "value", "operator", "kind"),
    [
        ("set a = list_append(:a, a)", {"S": "a"}, "list_append", "S"),
        ("set a = list_append(a, :a)", {"N": "1"}, "list_append", "N"),
        ("set a = a + :a", {"S": "a"}, "+", "S"),
        ("set a = :a - a", {"BOOL": True}, "-", "BOOL"),
        ("set a = a - :a", {"L": []}, "-", "L"),
    ],
)
def test_an_operand_of_the_wrong_type_is_refused(text, value, operator, kind):
    assert refusal(text, {":a": value}) == (
        "Invalid UpdateExpression: Incorrect operand type for operator or function; "
        f"operator or function: {operator}, operand type: {kind}"
    )


def test_add_and_delete_take_few_types():
    for text, section in (("add a.b :a", "ADD"), ("delete a.b :a", "DELETE")):
        assert refusal(text, {":a": {"S": "a"}}) == (
            f"Invalid UpdateExpression: Incorrect operand type for operator or function; operator: {section}, "
            f"operand type: STRING, typeSet: ALLOWED_FOR_{section}_OPERAND"
        )


STORED = {
    "a": {"S": "x"},
    "b": {"M": {"a": {"SS": ["1"]}}},
    "c": {"N": "1"},
    "d": {"NS": ["1"]},
    "e": {"M": {"1": {"S": "a"}}},
    "f": {"L": [{"S": "a"}, {"S": "b"}]},
}


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("delete d :a", {"SS": ["1"]}),
        ("delete b :a", {"NS": ["1"]}),
        ("delete b.a :a", {"NS": ["1"]}),
        ("add b :a", {"NS": ["1"]}),
        ("add d :a", {"N": "1"}),
        ("set g = a + :a", {"N": "1"}),
        ("set g = list_append(d, if_not_exists(h, :a))", {"L": []}),
    ],
)
def test_an_update_that_does_not_fit_the_item_is_refused(text, value):
    assert (
        refusal(text, {":a": value}, STORED)
        == "An operand in the update expression has an incorrect data type"
    )


@pytest.mark.parametrize("text", ["set g = h", "set g = list_append(h, f)", "set g = f[7]", "set g = h + c"])
def test_an_operand_that_is_not_there_is_refused(text):
    assert (
        refusal(text, item=STORED)
        == "The provided expression refers to an attribute that does not exist in the item"
    )


@pytest.mark.parametrize(
    "text",
    [
        "set {} = :a",
        "remove {}",
        "delete {} :a",
        "add {} :a",
    ],
)
@pytest.mark.parametrize("path", ["a.x", "a[1]", "y.a", "y[1]", "e[1]", "f.#1", "f[9].x"])
def test_a_path_that_leads_nowhere_is_refused(text, path):
    text = text.format(path)
    values = {":a": {"SS": ["a"]}} if ":a" in text else None
    assert (
        refusal(text, values, STORED)
        == "The document path provided in the update expression is invalid for update"
    )


def test_list_elements_are_set_where_they_were_then_removed_from_the_back():
    item = {"l": {"L": [{"S": letter} for letter in "abcd"]}}
    values = {":x": {"S": "x"}, ":y": {"S": "y"}}
    new = update(item, "REMOVE l[0], l[2] SET l[9] = :y, l[1] = :x, l[7] = l[3]", values)
    assert [element["S"] for element in new["l"]["L"]] == ["x", "d", "d", "y"]
    assert update(item, "REMOVE l[9]") == item


def test_everything_on_the_right_is_read_from_the_item_as_it_was():
    item = {"a": {"N": "1"}, "b": {"N": "2"}}
    assert update(item, "SET a = b, b = a") == {"a": {"N": "2"}, "b": {"N": "1"}}


def test_sums_are_exact():
    assert update({"a": {"N": "0.1"}}, "SET a = a + :v", {":v": {"N": "0.2"}}) == {"a": {"N": "0.3"}}
    assert update({"a": {"N": "5"}}, "SET a = ((a)-(:v))", {":v": {"N": "7"}}) == {"a": {"N": "-2"}}
    assert update({}, "ADD a :v", {":v": {"N": "7"}}) == {"a": {"N": "7"}}
    assert refusal("ADD a :v", {":v": {"N": "9" + "0" * 125}}, {"a": {"N": "9" + "0" * 125}}) == (
        "Number overflow. Attempting to store a number with magnitude larger than supported range"
    )


def test_sets_grow_and_shrink_and_vanish():
    item = {"s": {"SS": ["a", "c"]}}
    assert update(item, "ADD s :v", {":v": {"SS": ["b", "a"]}}) == {"s": {"SS": ["a", "b", "c"]}}
    assert update(item, "DELETE s :v", {":v": {"SS": ["a", "z"]}}) == {"s": {"SS": ["c"]}}
    assert update(item, "DELETE s :v", {":v": {"SS": ["a", "c"]}}) == {}
    assert update(item, "DELETE t :v", {":v": {"SS": ["a"]}}) == item
    assert update({"n": {"NS": ["9"]}}, "ADD n :v", {":v": {"NS": ["10", "-1"]}}) == {
        "n": {"NS": ["-1", "9", "10"]}
    }


def test_an_update_tells_what_it_touches():
    values = {":v": {"N": "1"}, ":l": {"L": []}}
    [plan] = bind(
        None, values, ("UpdateExpression", "SET a.b = c[1], d = e + :v, f = list_append(g, :l) REMOVE h")
    )
    assert plan.targets == {"a", "d", "f", "h"}
    assert plan.nested_attributes == {"a", "c"}
    assert {name: list(value) for name, value in plan.given(values).items()} == {"d": ["N"], "f": ["L"]}
    item = {"a": {"M": {"b": {"S": "1"}, "x": {"S": "2"}}}, "c": {"S": ""}, "d": {"N": "5"}}
    assert plan.updated(item) == {"a": {"M": {"b": {"S": "1"}}}, "d": {"N": "5"}}


names = st.sampled_from("abc")
scalars = st.one_of(st.builds(lambda n: {"N": str(n)}, st.integers(-9, 9)), st.just({"SS": ["p", "q"]}))
actions = st.one_of(
    st.tuples(st.just("SET"), names, st.tuples(st.just("copy"), names)),
    st.tuples(st.just("SET"), names, st.tuples(st.just("sum"), names, st.integers(-5, 5))),
    st.tuples(st.just("SET"), names, st.tuples(st.just("default"), names, st.integers(-5, 5))),
    st.tuples(st.just("REMOVE"), names),
    st.tuples(st.just("ADD"), names, st.integers(-5, 5)),
    st.tuples(st.just("DELETE"), names),
)


def naive(item: dict, chosen: list[tuple]) -> dict | None:
    """What an update means, one action after the other on paper. None: refused."""
    new = dict(item)
    for action in chosen:
        section, name = action[:2]
        old = item.get(name)
        if section == "SET":
            how, source, *amount = action[2]
            value = item.get(source)
            if how == "default" and value is None:
                value = {"N": str(amount[0])}
            if value is None or (how == "sum" and "N" not in value):
                return None
            new[name] = {"N": str(int(value["N"]) + amount[0])} if how == "sum" else value
        elif section == "REMOVE":
            new.pop(name, None)
        elif section == "ADD":
            if old is not None and "N" not in old:
                return None
            new[name] = {"N": str(action[2] + (int(old["N"]) if old else 0))}
        elif old is not None:
            if "SS" not in old:
                return None
            new[name] = {"SS": ["q"]}
    return new


@settings(max_examples=300)
@given(
    st.dictionaries(names, scalars),
    st.lists(actions, min_size=1, max_size=3, unique_by=lambda action: action[1]),
)
def test_an_update_does_what_it_says(item, chosen):
    values: dict = {}
    sections: dict[str, list[str]] = {}
    for action in chosen:
        section, name = action[:2]
        if section == "SET":
            how, source, *amount = action[2]
            if amount:
                values[f":v{len(values)}"] = {"N": str(amount[0])}
            holder = f":v{len(values) - 1}"
            right = {
                "copy": source,
                "sum": f"{source} + {holder}",
                "default": f"if_not_exists({source}, {holder})",
            }
            text = f"{name} = {right[how]}"
        elif section == "REMOVE":
            text = name
        else:
            values[f":v{len(values)}"] = {"N": str(action[2])} if section == "ADD" else {"SS": ["p"]}
            text = f"{name} :v{len(values) - 1}"
        sections.setdefault(section, []).append(text)
    expression = " ".join(f"{section} {', '.join(texts)}" for section, texts in sections.items())
    check_item(item)
    expected = naive(item, chosen)
    if expected is None:
        refusal(expression, values or None, item)
    else:
        assert update(item, expression, values or None) == expected


# --- projections --------------------------------------------------------------------------------


def project(item: dict, text: str, names: dict | None = None) -> dict:
    [plan] = bind(names, None, ("ProjectionExpression", text))
    return plan.project(item)


def projection_refusal(text: str, names: dict | None = None) -> str:
    with pytest.raises(ValidationException) as refused:
        project({}, text, names)
    return refused.value.text


@pytest.mark.parametrize(
    "text", ["whatever(stuff)", ":a", "abort,", "a,,b", "a..b", "a[b]", "(a.b).c", "(a)", "(a,b)", "a-b"]
)
def test_what_is_no_projection_is_a_syntax_error(text):
    assert projection_refusal(text).startswith("Invalid ProjectionExpression: Syntax error; ")


def test_projections_must_not_overlap_or_conflict():
    names = {"#a": "a"}
    invalid = "Invalid ProjectionExpression: "
    assert (
        projection_refusal("b[1], b.a, #a.b, a", names)
        == invalid + OVERLAP + "path one: [a, b], path two: [a]"
    )
    assert projection_refusal("a, #a[1]", names) == invalid + OVERLAP + "path one: [a], path two: [a, [1]]"
    assert (
        projection_refusal("a.b[1], #a[1]", names)
        == invalid + CONFLICT + "path one: [a, b, [1]], path two: [a, [1]]"
    )
    assert (
        projection_refusal("a.abORt")
        == invalid + "Attribute name is a reserved keyword; reserved keyword: abORt"
    )


def test_a_projection_answers_the_parts_that_are_there():
    item = {
        "a": {"M": {"b": {"S": "bb"}, "c": {"L": [{"M": {"d": {"N": "1"}, "e": {"N": "2"}}}]}}},
        "l": {"L": [{"S": "l0"}, {"S": "l1"}, {"S": "l2"}]},
        "s": {"S": "s"},
    }
    assert project(item, "s, gone") == {"s": {"S": "s"}}
    # Elements keep their order, whatever order they were asked in: nubo-db/dynamodb-conformance.
    assert project(item, "l[2], l[0], l[9]") == {"l": {"L": [{"S": "l0"}, {"S": "l2"}]}}
    assert project(item, "a.c[0].e") == {"a": {"M": {"c": {"L": [{"M": {"e": {"N": "2"}}}]}}}}


def test_a_path_into_the_wrong_type_answers_nothing():
    assert project({"s": {"S": "s"}, "l": {"L": []}}, "s.x, l.y") == {}
