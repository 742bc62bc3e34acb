"""SES: templates, what they become, and mails in bulk."""

from __future__ import annotations

import json

import pytest
from refusals import refused
from services.mail_workshop import ANN, BEN, mails, prove

WELCOME = {
    "TemplateName": "welcome", "SubjectPart": "Welcome, {{name}}", "TextPart": "Dear {{name}},\nyour animal: {{animal}}.",
    "HtmlPart": "<p>{{name}}</p>{{#each things}}<b>{{this}}</b>{{/each}}",
}  # fmt: skip
DATA = json.dumps({"name": "Ben & Co", "animal": "lion", "things": ["a", "b"]})
SUCCESS = "success@simulator.amazonses.com"


@pytest.fixture
def ses(cloud):
    prove(cloud, ANN, BEN)
    client = cloud.client("ses")
    client.create_template(Template=WELCOME)
    return client


def test_templates_are_kept_changed_listed_and_forgotten(ses):
    assert ses.get_template(TemplateName="welcome")["Template"] == WELCOME
    assert refused(ses.create_template, Template=WELCOME)[0] == "AlreadyExists"
    changed = {"TemplateName": "welcome", "SubjectPart": "Hi"}
    ses.update_template(Template=changed)
    assert ses.get_template(TemplateName="welcome")["Template"] == changed
    assert refused(ses.update_template, Template={**changed, "TemplateName": "x"}) == ("TemplateDoesNotExist", "Template x does not exist")
    assert refused(ses.get_template, TemplateName="x")[0] == "TemplateDoesNotExist"
    for n in range(12):
        ses.create_template(Template={"TemplateName": f"t{n:02}", "SubjectPart": "x"})
    pages = list(ses.get_paginator("list_templates").paginate())
    assert [len(page["TemplatesMetadata"]) for page in pages] == [10, 3]
    ses.delete_template(TemplateName="welcome")
    ses.delete_template(TemplateName="welcome")
    assert refused(ses.get_template, TemplateName="welcome")[0] == "TemplateDoesNotExist"


def test_a_template_needs_a_subject_and_has_a_size(ses):
    assert refused(ses.create_template, Template={"TemplateName": "x"})[0] == "InvalidParameterValue"
    assert refused(ses.create_template, Template={"TemplateName": "x", "SubjectPart": "x", "HtmlPart": "x" * 513_000})[0] == "InvalidTemplate"


def test_a_template_is_tried_with_data_that_must_fit(ses):
    # Text: https://docs.aws.amazon.com/ses/latest/dg/event-publishing-retrieving-sns-examples.html (Rendering Failure)
    shown = ses.test_render_template(TemplateName="welcome", TemplateData=DATA)["RenderedTemplate"]
    assert "Subject: Welcome, Ben & Co" in shown
    assert "Dear Ben & Co,\r\nyour animal: lion." in shown
    assert "<p>Ben & Co</p><b>a</b><b>b</b>" in shown
    assert refused(ses.test_render_template, TemplateName="welcome", TemplateData='{"name": "Ben"}') == (
        "MissingRenderingAttribute", "Attribute 'animal' is not present in the rendering data.",
    )  # fmt: skip
    assert refused(ses.test_render_template, TemplateName="welcome", TemplateData="{")[0] == "InvalidRenderingParameter"
    assert refused(ses.test_render_template, TemplateName="nobody", TemplateData="{}")[0] == "TemplateDoesNotExist"


def test_a_mail_of_a_template_is_sent_as_it_reads(cloud, ses):
    to = {"ToAddresses": [BEN]}
    id_ = ses.send_templated_email(Source=ANN, Destination=to, Template="welcome", TemplateData=DATA)["MessageId"]
    [told] = mails(cloud, f"?id={id_}")
    assert told["Subject"] == "Welcome, Ben & Co"
    assert told["Body"] == {"text_part": "Dear Ben & Co,\nyour animal: lion.", "html_part": "<p>Ben & Co</p><b>a</b><b>b</b>"}
    assert (told["Template"], told["TemplateData"]) == ("welcome", DATA)
    assert refused(ses.send_templated_email, Source=ANN, Destination=to, Template="x", TemplateData="{}")[0] == "TemplateDoesNotExist"
    assert refused(ses.send_templated_email, Source=ANN, Destination=to, Template="welcome", TemplateData="[]") == (
        "InvalidParameterValue", "Unable to parse template data (invalid JSON).",
    )  # fmt: skip


def test_a_mail_that_cannot_be_written_is_accepted_and_never_sent(cloud, ses):
    # https://docs.aws.amazon.com/ses/latest/dg/send-personalized-email-api.html
    sent = len(mails(cloud))
    assert ses.send_templated_email(Source=ANN, Destination={"ToAddresses": [BEN]}, Template="welcome", TemplateData="{}")["MessageId"]
    assert len(mails(cloud)) == sent
    assert ses.get_send_statistics()["SendDataPoints"] == []


def test_data_cannot_smuggle_headers_into_a_subject(ses):
    data = json.dumps({"name": "x\r\nBcc: eve@example.org", "animal": "x", "things": []})
    to = {"ToAddresses": [BEN]}
    assert refused(ses.send_templated_email, Source=ANN, Destination=to, Template="welcome", TemplateData=data)[0] == "InvalidParameterValue"


def test_a_bulk_answers_for_each_destination(cloud, ses):
    destinations = [
        {"Destination": {"ToAddresses": [BEN]}, "ReplacementTemplateData": '{"name": "Ben"}'},
        {"Destination": {"ToAddresses": ["stranger@example.org"]}},
        {"Destination": {"ToAddresses": ["nobody"]}},
        {"Destination": {"ToAddresses": [SUCCESS]}},
    ]
    said = {"Source": ANN, "Template": "welcome", "DefaultTemplateData": DATA}
    status = ses.send_bulk_templated_email(**said, Destinations=destinations)["Status"]
    assert [each["Status"] for each in status] == ["Success", "MessageRejected", "InvalidParameterValue", "Success"]
    assert status[1]["Error"].endswith("stranger@example.org")
    subjects = {each["Id"]: each["Subject"] for each in mails(cloud)}
    assert [subjects[status[n]["MessageId"]] for n in (0, 3)] == ["Welcome, Ben", "Welcome, Ben & Co"]
    assert refused(ses.send_bulk_templated_email, **said, Destinations=destinations * 13)[0] == "MessageRejected"


def test_a_bulk_is_throttled_one_by_one(ses):
    destinations = [{"Destination": {"ToAddresses": [BEN]}}] * 15
    status = ses.send_bulk_templated_email(Source=ANN, Template="welcome", DefaultTemplateData=DATA, Destinations=destinations)["Status"]
    assert [each["Status"] for each in status] == ["Success"] * 10 + ["AccountThrottled"] * 5
    assert status[-1]["Error"] == "Maximum sending rate exceeded."
