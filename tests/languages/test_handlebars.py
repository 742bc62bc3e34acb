"""Templates of mails. https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-advanced.html"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kumoniwa.languages.handlebars import MissingAttribute, TemplateError, render

DATA = {
    "name": "Ann", "age": 7, "none": None, "no": False, "yes": True, "empty": [], "html": "<b>&</b>", "nothing": "",
    "user": {"name": {"first": "Ann"}, "roles": ["a", "b"]},
    "items": [{"kind": "dog", "best": True}, {"kind": "cat", "best": False}], "tags": ["x", "y"], "odd key": 1,
}  # fmt: skip

RENDERED = [
    ("Dear {{name}}, {{ name }}", "Dear Ann, Ann"),
    ("{one} {brace} }}", "{one} {brace} }}"),
    ("{{html}} {{{html}}} {{&html}}", "<b>&</b> <b>&</b> <b>&</b>"),
    ("{{user.name.first}} {{user/name/first}} {{user.roles.[1]}} {{user.roles.0}} {{[odd key]}}", "Ann Ann b a 1"),
    ("{{age}} {{yes}} {{no}} [{{none}}] {{tags}}", "7 true false [] [x, y]"),
    ("{{#if yes}}a{{else}}b{{/if}}{{#if no}}a{{else}}b{{/if}}{{#if missing}}a{{/if}}{{#if empty}}a{{/if}}{{#if nothing}}a{{/if}}", "ab"),
    ("{{#if no}}a{{else if yes}}b{{else}}c{{/if}}", "b"),
    ("{{#unless no}}a{{else}}b{{/unless}}", "a"),
    ("{{#each items}}{{kind}}{{#if best}}!{{else}}?{{/if}}{{#unless @last}}, {{/unless}}{{/each}}", "dog!, cat?"),
    ("{{#each tags}}{{@index}}{{this}}{{.}}{{@first}} {{/each}}", "0xxtrue 1yyfalse "),
    ("{{#each missing}}a{{else}}none{{/each}}", "none"),
    ("{{#each user.name}}{{@key}}={{this}}{{/each}}", "first=Ann"),
    ("{{#each items}}{{../name}} {{@root.age}} {{name}};{{/each}}", "Ann 7 Ann;Ann 7 Ann;"),
    ("{{#with user}}{{name.first}} {{../age}}{{/with}}", "Ann 7"),
    ("a{{! a comment }}b{{!-- }} --}}c", "abc"),
    ("a  {{~name~}}  b", "aAnnb"),
    ("{{#* inline \"sign\"}}Yours, {{name}}{{/inline}}{{#each tags}}{{> sign}} {{/each}}", "Yours, Ann Yours, Ann "),
    ("{{#* inline \"one\"}}{{kind}}{{/inline}}{{#each items}}{{> one this}}{{/each}}", "dogcat"),
]  # fmt: skip


@pytest.mark.parametrize(("template", "text"), RENDERED)
def test_what_a_template_becomes(template, text):
    assert render(template, DATA) == text


@pytest.mark.parametrize("template", ["{{missing}}", "{{user.missing}}", "{{#each items}}{{missing}}{{/each}}", "{{user.roles.[9]}}"])
def test_what_is_not_there_is_named(template):
    with pytest.raises(MissingAttribute) as error:
        render(template, DATA)
    assert error.value.name in template


@pytest.mark.parametrize(
    "template",
    ["{{#if a}}", "{{/if}}", "{{#if a}}{{/each}}", "{{else}}", "{{#each}}{{/each}}", "{{a b}}", "{{#shout a}}{{/shout}}", "{{> nobody}}",
     "{{#if yes}}a{{else}}b{{else}}c{{/if}}", "{{#* inline \"x\"}}a", "{{#* inline \"x\"}}{{> x}}{{/inline}}{{> x}}", "{{ }}", "{{>}}",
     "{{#if a}}" * 100 + "{{/if}}" * 100],
)  # fmt: skip
def test_what_is_no_template_is_refused(template):
    with pytest.raises(TemplateError):
        render(template, DATA)


def test_partials_that_double_come_to_an_end():
    partials = "".join(f'{{{{#* inline "p{n}"}}}}{{{{> p{n + 1}}}}}{{{{> p{n + 1}}}}}{{{{/inline}}}}' for n in range(30))
    with pytest.raises(TemplateError):
        render(partials + '{{#* inline "p30"}}{{/inline}}{{> p0}}', DATA)


@given(st.lists(st.sampled_from([text for text, _ in RENDERED] + ["{{", "}}", "#if a", "{{/if}}", "{{else}}", "{{{", "~", "!--", "\n", "{{#each items}}"]), max_size=12))
def test_any_text_is_rendered_or_refused(pieces):
    try:
        render("".join(pieces), DATA)
    except (TemplateError, MissingAttribute):
        pass
