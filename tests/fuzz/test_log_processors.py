"""Log transformers and masks under events and settings nobody would write: each is refused as AWS refuses, or answers a text in time."""

from __future__ import annotations

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from kumoniwa.languages import data_protection, log_transformer

PATHS = st.sampled_from(["a", "a.b", "a.b.c", "b", "b.0", "@message", ".", "a.", "x y"])
TEXTS = st.one_of(st.sampled_from(["", "a", "k=v&k2", "1,2,'3", "12", "true", "$1", "(a+)+$", "[", "%{WORD:a}", "%{DATA:a.b}%{INT:n:INTEGER}", "yyyy-MM-dd", "2024-01-01"]), st.text(max_size=8))


def entries(**members):
    return st.lists(st.fixed_dictionaries(members), min_size=1, max_size=3).map(lambda it: {"entries": it})


PROCESSORS = {
    "parseJSON": st.fixed_dictionaries({}, optional={"source": PATHS, "destination": PATHS}), "grok": st.fixed_dictionaries({"match": TEXTS}, optional={"source": PATHS}),
    "csv": st.fixed_dictionaries({}, optional={"delimiter": TEXTS.filter(bool), "quoteCharacter": st.sampled_from("'\"a"), "source": PATHS, "columns": st.lists(TEXTS)}),
    "parseKeyValue": st.fixed_dictionaries({}, optional={"fieldDelimiter": TEXTS.filter(bool), "keyValueDelimiter": TEXTS.filter(bool), "keyPrefix": TEXTS, "source": PATHS, "destination": PATHS}),
    "parseWAF": st.just({}), "parseVPC": st.just({}), "parseRoute53": st.just({}), "parsePostgres": st.just({}), "parseCloudfront": st.just({}),
    "addKeys": entries(key=PATHS, value=TEXTS, overwriteIfExists=st.booleans()), "copyValue": entries(source=PATHS, target=PATHS),
    "moveKeys": entries(source=PATHS, target=PATHS, overwriteIfExists=st.booleans()), "renameKeys": entries(key=PATHS, renameTo=PATHS, overwriteIfExists=st.booleans()),
    "deleteKeys": st.lists(PATHS, min_size=1).map(lambda it: {"withKeys": it}), "trimString": st.lists(PATHS, min_size=1).map(lambda it: {"withKeys": it}),
    "listToMap": st.fixed_dictionaries({"source": PATHS, "key": PATHS}, optional={"valueKey": PATHS, "target": PATHS, "flatten": st.booleans(), "flattenedElement": st.sampled_from(["first", "last"])}),
    "splitString": entries(source=PATHS, delimiter=TEXTS.filter(bool)), "substituteString": entries(source=PATHS, **{"from": TEXTS.filter(bool), "to": TEXTS}),
    "typeConverter": entries(key=PATHS, type=st.sampled_from(["integer", "double", "string", "boolean"])),
    "dateTimeConverter": st.fixed_dictionaries({"source": PATHS, "target": PATHS, "matchPatterns": st.lists(TEXTS, min_size=1)}, optional={"targetFormat": TEXTS, "targetTimezone": TEXTS}),
}  # fmt: skip
processor = st.sampled_from(sorted(PROCESSORS)).flatmap(lambda name: PROCESSORS[name].map(lambda said: {name: said}))
value = st.recursive(st.one_of(TEXTS, st.integers(), st.booleans(), st.none()), lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.sampled_from("abk"), inner, max_size=3)), max_leaves=6)
message = st.one_of(TEXTS, st.text(max_size=60), st.dictionaries(st.sampled_from("ab"), value).map(json.dumps))


@settings(max_examples=500, deadline=None)
@given(st.lists(processor, min_size=1, max_size=5), message)
def test_any_transformer_is_refused_or_answers_json(config, text):
    try:
        made = log_transformer.compiled(config)
    except (log_transformer.InvalidTransformer, NotImplementedError) as error:
        assert str(error)
        return
    try:
        assert isinstance(json.loads(made(text, {"@logGroupName": "g"})), dict)
    except log_transformer.Untransformed:
        pass


@settings(max_examples=500, deadline=None)
@given(st.text(max_size=200), st.lists(st.sampled_from(sorted(data_protection.MANAGED)), min_size=1, unique=True), st.sampled_from(["a+", "[0-9]*x?", ".*.*.*.*y", "^$", "|"]))
def test_a_mask_changes_nothing_but_what_it_hides(text, names, regex):
    named = [f"arn:aws:dataprotection::aws:data-identifier/{name}" for name in names] + ["Own"]
    statements = [{"DataIdentifier": named, "Operation": each} for each in ({"Audit": {"FindingsDestination": {}}}, {"Deidentify": {"MaskConfig": {}}})]
    document = {"Statement": statements, "Configuration": {"CustomDataIdentifier": [{"Name": "Own", "Regex": regex}]}}
    masked = data_protection.compiled(json.dumps(document))(text)
    assert len(masked) == len(text) and all(one in (other, "*") for one, other in zip(masked, text))
