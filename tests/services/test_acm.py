"""ACM: certificates that are asked for, proven, issued, renewed, brought, used and ended.

Shapes of answers are as AWS gave them: localstack/localstack, tests/aws/services/acm/test_acm.snapshot.json.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import serialization
from refusals import refused
from route53_workshop import Names, a
from services.certificate_workshop import brought, certificate, key_of, pem
from services.mail_workshop import mails

from kumoniwa.engines import certificates
from kumoniwa.gate.address import EDGE, GLOBAL

ACCOUNT, DAY = "000000000000", 86_400
HOST = "api.shop.example"


@pytest.fixture
def names(make_cloud) -> Names:
    return Names(make_cloud("us-east-1", "eu-west-1", GLOBAL, EDGE))


@pytest.fixture
def acm(cloud):
    return cloud.client("acm")


def seen(cloud, arn: str) -> dict:
    return cloud.client("acm").describe_certificate(CertificateArn=arn)["Certificate"]


def asked(cloud, *domains: str, method: str = "DNS", **more) -> str:
    given = {"SubjectAlternativeNames": list(domains[1:])} if len(domains) > 1 else {}
    return cloud.client("acm").request_certificate(DomainName=domains[0], ValidationMethod=method, **given, **more)["CertificateArn"]


def prove(names, zone: str, arn: str) -> None:
    records = {(r["Name"], r["Value"]) for each in seen(names.cloud, arn)["DomainValidationOptions"] for r in [each["ResourceRecord"]]}
    names.change(zone, *(("UPSERT", a(name, value, kind="CNAME")) for name, value in records))


def issued(names, *domains: str, **more) -> str:
    arn, zone = asked(names.cloud, *domains, **more), names.zone()
    prove(names, zone, arn)
    names.cloud.sleep_and_settle(70)
    assert seen(names.cloud, arn)["Status"] == "ISSUED"
    return arn


# Asking --------------------------------------------------------------------------------------------


def test_what_waits_is_told_as_aws_does(names):
    arn = asked(names.cloud, "*.Shop.example", "shop.example")
    told = seen(names.cloud, arn)
    assert re.fullmatch(rf"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/[0-9a-f-]{{36}}", arn)
    assert (told["DomainName"], told["SubjectAlternativeNames"]) == ("*.shop.example", ["*.shop.example", "shop.example"])
    assert (told["Status"], told["Type"], told["KeyAlgorithm"], told["Issuer"]) == ("PENDING_VALIDATION", "AMAZON_ISSUED", "RSA-2048", "Amazon")
    assert (told["Subject"], told["RenewalEligibility"], told["InUseBy"]) == ("CN=*.shop.example", "INELIGIBLE", [])
    assert told["Options"] == {"CertificateTransparencyLoggingPreference": "ENABLED", "Export": "DISABLED"}
    wild, bare = told["DomainValidationOptions"]
    assert (wild["ValidationDomain"], wild["ValidationStatus"], wild["ValidationMethod"]) == ("*.shop.example", "PENDING_VALIDATION", "DNS")
    assert wild["ResourceRecord"] == bare["ResourceRecord"]
    assert re.fullmatch(r"_[0-9a-f]{32}\.shop\.example\.", wild["ResourceRecord"]["Name"])
    assert re.fullmatch(r"_[0-9a-f]{32}\.[a-z]{10}\.acm-validations\.aws\.", wild["ResourceRecord"]["Value"])
    assert refused(names.cloud.client("acm").get_certificate, CertificateArn=arn)[0] == "RequestInProgressException"


def test_a_certificate_is_issued_when_its_cname_stands_and_the_clouds_authority_vouches_for_it(names):
    arn, zone = asked(names.cloud, HOST, "*.shop.example"), names.zone()
    names.cloud.sleep(120)
    assert seen(names.cloud, arn)["Status"] == "PENDING_VALIDATION"
    prove(names, zone, arn)
    names.cloud.sleep_and_settle(70)
    told = seen(names.cloud, arn)
    assert told["Status"] == "ISSUED" and {each["ValidationStatus"] for each in told["DomainValidationOptions"]} == {"SUCCESS"}
    got = names.cloud.client("acm").get_certificate(CertificateArn=arn)
    made, authority = (x509.load_pem_x509_certificate(got[part].encode()) for part in ("Certificate", "CertificateChain"))
    made.verify_directly_issued_by(authority)
    seal = names.cloud.settings.seal
    x509.load_pem_x509_certificate(certificates.authority(seal, 0)).public_key().verify(
        authority.signature, authority.tbs_certificate_bytes, certificates.ec.ECDSA(authority.signature_hash_algorithm)
    )
    assert made.extensions.get_extension_for_class(x509.SubjectAlternativeName).value.get_values_for_type(x509.DNSName) == [HOST, "*.shop.example"]
    assert int(told["Serial"].replace(":", ""), 16) == made.serial_number
    assert told["NotAfter"] == made.not_valid_after_utc and (told["NotAfter"] - told["NotBefore"]).days == 197
    assert told["KeyUsages"] == [{"Name": "DIGITAL_SIGNATURE"}, {"Name": "KEY_ENCIPHERMENT"}]
    assert told["ExtendedKeyUsages"] == [{"Name": "TLS_WEB_SERVER_AUTHENTICATION", "OID": "1.3.6.1.5.5.7.3.1"}]


@pytest.mark.parametrize(("algorithm", "curve"), [("EC_prime256v1", "secp256r1"), ("EC_secp384r1", "secp384r1")])
def test_keys_may_be_of_curves(names, algorithm, curve):
    arn = issued(names, HOST, KeyAlgorithm=algorithm)
    body = names.cloud.client("acm").get_certificate(CertificateArn=arn)["Certificate"]
    assert x509.load_pem_x509_certificate(body.encode()).public_key().curve.name == curve


def test_a_request_that_is_not_proven_in_72_hours_has_timed_out(names):
    # https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-timed-out.html
    arn = asked(names.cloud, HOST)
    names.cloud.sleep(72 * 3600 + 61)
    told = seen(names.cloud, arn)
    assert (told["Status"], told["DomainValidationOptions"][0]["ValidationStatus"]) == ("VALIDATION_TIMED_OUT", "FAILED")
    assert refused(names.cloud.client("acm").get_certificate, CertificateArn=arn)[0] == "ValidationException"


def test_looking_goes_on_after_a_kill_and_while_the_name_servers_are_dark(names):
    arn, zone = asked(names.cloud, HOST), names.zone()
    prove(names, zone, arn)
    names.cloud.kill(EDGE)
    names.cloud.restart(kill=True)
    names.cloud.sleep(70)
    assert seen(names.cloud, arn)["Status"] == "PENDING_VALIDATION"
    names.cloud.region(EDGE)
    names.cloud.sleep_and_settle(130)
    assert seen(names.cloud, arn)["Status"] == "ISSUED"


def test_a_caa_record_of_somebody_elses_forbids_it(names):
    # https://docs.aws.amazon.com/acm/latest/userguide/setup-caa.html
    zone = names.zone()
    names.create(zone, a("shop.example", '0 issue "other.example"', kind="CAA"))
    arn = asked(names.cloud, HOST)
    prove(names, zone, arn)
    names.cloud.sleep(70)
    assert (seen(names.cloud, arn)["Status"], seen(names.cloud, arn)["FailureReason"]) == ("FAILED", "CAA_ERROR")
    names.change(zone, ("UPSERT", a("shop.example", '0 issue "amazon.com"', kind="CAA")))
    arn = asked(names.cloud, HOST)
    names.cloud.sleep_and_settle(70)
    assert seen(names.cloud, arn)["Status"] == "ISSUED"


def test_names_of_amazons_are_nobody_elses(cloud):
    # https://docs.aws.amazon.com/acm/latest/userguide/troubleshooting-failed.html
    told = seen(cloud, asked(cloud, "x.cloudfront.net"))
    assert (told["Status"], told["FailureReason"]) == ("FAILED", "ADDITIONAL_VERIFICATION_REQUIRED")


def test_a_token_means_one_certificate_for_an_hour(cloud):
    first = asked(cloud, HOST, IdempotencyToken="t")
    assert asked(cloud, HOST, IdempotencyToken="t") == first != asked(cloud, "other.shop.example", IdempotencyToken="t")
    cloud.sleep(3_601)
    assert asked(cloud, HOST, IdempotencyToken="t") != first


def test_what_cannot_be_asked_for_is_refused(acm):
    ask = acm.request_certificate
    assert refused(ask, DomainName="shop_example")[0] == "ValidationException"
    assert refused(ask, DomainName="a.*.example")[0] == "ValidationException"
    assert refused(ask, DomainName=HOST, KeyAlgorithm="RSA_4096")[0] == "InvalidParameterException"
    assert refused(ask, DomainName="a" * 60 + ".example")[0] == "InvalidParameterException"
    many = [f"n{n}.shop.example" for n in range(10)]
    assert refused(ask, DomainName=HOST, SubjectAlternativeNames=many)[0] == "LimitExceededException"
    for option in ({"DomainName": HOST, "ValidationDomain": "other.example"}, {"DomainName": "x.example", "ValidationDomain": "x.example"}):
        assert refused(ask, DomainName=HOST, DomainValidationOptions=[option])[0] == "InvalidDomainValidationOptionsException"
    assert refused(ask, DomainName=HOST, Tags=[{"Key": "aws:x", "Value": "y"}])[0] == "InvalidTagException"
    authority = f"arn:aws:acm-pca:us-east-1:{ACCOUNT}:certificate-authority/12345678-1234-1234-1234-123456789012"
    assert refused(ask, DomainName=HOST, CertificateAuthorityArn=authority)[0] == "NotImplemented"
    assert refused(ask, DomainName=HOST, ValidationMethod="HTTP")[0] == "NotImplemented"
    arn = f"arn:aws:acm:us-east-1:{ACCOUNT}:certificate/none"
    assert refused(acm.describe_certificate, CertificateArn=arn) == (
        "ResourceNotFoundException", f"Could not find certificate {arn} in account {ACCOUNT}."
    )  # fmt: skip


# Letters -------------------------------------------------------------------------------------------


def link(cloud, address: str) -> str:
    return re.search(r"http://[^/]+(/_aws/acm/\S+)", mails(cloud, f"?email={address}")[-1]["Body"]["text_part"])[1]


def test_the_link_of_a_letter_to_its_keepers_proves_a_domain(names):
    cloud = names.cloud
    arn = asked(cloud, HOST, "shop.example", method="EMAIL", DomainValidationOptions=[{"DomainName": HOST, "ValidationDomain": "shop.example"}])
    cloud.sleep(1)
    first = seen(cloud, arn)["DomainValidationOptions"][0]
    # https://docs.aws.amazon.com/acm/latest/userguide/email-validation.html
    assert sorted(first["ValidationEmails"]) == [f"{who}@shop.example" for who in ("admin", "administrator", "hostmaster", "postmaster", "webmaster")]
    assert "ResourceRecord" not in first
    links = {m[1] for mail in mails(cloud, "?email=admin@shop.example") for m in re.finditer(r"http://[^/]+(/_aws/acm/\S+)", mail["Body"]["text_part"])}
    assert len(links) == 2
    one, two = links
    assert cloud.http("GET", one[:-2] + "zz")[0] == 404
    assert cloud.http("GET", one)[0] == 200 and cloud.http("GET", one)[0] == 404
    cloud.sleep(1)
    assert seen(cloud, arn)["Status"] == "PENDING_VALIDATION"
    assert cloud.http("GET", two)[0] == 200
    cloud.sleep_and_settle(1)
    assert seen(cloud, arn)["Status"] == "ISSUED"


def test_letters_are_sent_again_and_the_older_count_no_more(names):
    cloud, acm = names.cloud, names.cloud.client("acm")
    arn = asked(cloud, HOST, method="EMAIL")
    cloud.sleep(1)
    old = link(cloud, f"admin@{HOST}")
    assert refused(acm.resend_validation_email, CertificateArn=arn, Domain=HOST, ValidationDomain="x.example")[0] == "InvalidDomainValidationOptionsException"
    acm.resend_validation_email(CertificateArn=arn, Domain=HOST, ValidationDomain="shop.example")
    cloud.sleep(1)
    assert cloud.http("GET", old)[0] == 404
    assert cloud.http("GET", link(cloud, "admin@shop.example"))[0] == 200
    cloud.sleep_and_settle(1)
    assert seen(cloud, arn)["Status"] == "ISSUED"
    assert refused(acm.resend_validation_email, CertificateArn=arn, Domain=HOST, ValidationDomain=HOST)[0] == "InvalidStateException"


# Bringing ------------------------------------------------------------------------------------------


def test_a_certificate_that_was_brought_is_told_and_given_back(cloud, acm):
    body, key = certificate(HOST, "*.shop.example")
    arn = acm.import_certificate(Certificate=body, PrivateKey=key, Tags=[{"Key": "team", "Value": "shop"}, {"Key": "bare"}])["CertificateArn"]
    told = seen(cloud, arn)
    assert (told["Status"], told["Type"], told["Serial"], told["Issuer"]) == ("ISSUED", "IMPORTED", "03:e9", "Shop")
    assert (told["Subject"], told["KeyAlgorithm"], told["SignatureAlgorithm"]) == (f"O=Shop,CN={HOST}", "RSA-2048", "SHA256WITHRSA")
    assert told["DomainValidationOptions"] == [{"DomainName": HOST}, {"DomainName": "*.shop.example"}]
    assert told["Options"] == {"CertificateTransparencyLoggingPreference": "DISABLED", "Export": "DISABLED"}
    assert acm.get_certificate(CertificateArn=arn)["Certificate"] == body.decode()
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == [{"Key": "team", "Value": "shop"}, {"Key": "bare"}]
    newer, other = certificate(HOST, kind="P384")
    assert acm.import_certificate(CertificateArn=arn, Certificate=newer, PrivateKey=other)["CertificateArn"] == arn
    assert seen(cloud, arn)["KeyAlgorithm"] == "EC-secp384r1"
    again = {"CertificateArn": arn, "Certificate": newer, "PrivateKey": other, "Tags": [{"Key": "k", "Value": "v"}]}
    assert refused(acm.import_certificate, **again) == ("ValidationException", "Tagging is not permitted on re-import.")


def test_a_certificate_its_key_and_its_chain_must_fit(acm):
    root, _ = certificate("root.example", kind="P521")
    other, _ = certificate("other.example", kind="P384")
    body, key = certificate(HOST, kind="P256", signer=key_of("P521"), issuer="root.example")

    def fails(**parts) -> str:
        code, text = refused(acm.import_certificate, **{"Certificate": body, "PrivateKey": key, "CertificateChain": root} | parts)
        assert code == "ValidationException"
        return text

    assert acm.import_certificate(Certificate=body, PrivateKey=key, CertificateChain=root)
    # What follows a root is not of the path.
    assert acm.import_certificate(Certificate=body, PrivateKey=key, CertificateChain=root + other)
    assert fails(Certificate=body + root) == "The certificate field contains more than one certificate. You can specify only one certificate in this field."
    assert "PEM" in fails(Certificate=b"none")
    assert fails(PrivateKey=b"none") == "The private key is not supported."
    locked = key_of("P256").private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.BestAvailableEncryption(b"word"))
    assert fails(PrivateKey=locked) == "The private key is not supported."
    assert "does not match" in fails(PrivateKey=pem(key_of("P384")))
    assert fails(CertificateChain=other) == "Could not validate the certificate with the certificate chain."
    old, _ = certificate(HOST, kind="P256", ends=datetime(2001, 1, 1, tzinfo=UTC))
    assert fails(Certificate=old, CertificateChain=b"") and "expired" in refused(acm.import_certificate, Certificate=old, PrivateKey=key)[1]
    young, _ = certificate(HOST, kind="P256", begins=datetime(2098, 1, 1, tzinfo=UTC))
    assert "not in effect" in refused(acm.import_certificate, Certificate=young, PrivateKey=key)[1]


def test_private_keys_lie_sealed_on_the_disk(names):
    body, key = certificate(HOST, kind="P256")
    names.cloud.client("acm").import_certificate(Certificate=body, PrivateKey=key)
    arn = issued(names, HOST, Options={"Export": "ENABLED"})
    got = names.cloud.client("acm").export_certificate(CertificateArn=arn, Passphrase=b"passphrase")
    opened = serialization.load_pem_private_key(got["PrivateKey"].encode(), b"passphrase")
    assert opened.public_key() == x509.load_pem_x509_certificate(got["Certificate"].encode()).public_key()
    secrets = [pem(key_of("P256")), pem(opened)]
    secrets += [part for secret in (*secrets,) for part in (secret.splitlines()[2],)]
    secrets += [each.private_bytes(serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()) for each in (key_of("P256"), opened)]
    files = [file.read_bytes() for file in Path(names.cloud.folder).rglob("*") if file.is_file()]
    assert any(HOST.encode() in content for content in files)
    assert not any(secret in content for secret in secrets for content in files)
    names.cloud.restart(kill=True)
    assert names.cloud.client("acm").export_certificate(CertificateArn=arn, Passphrase=b"other")["Certificate"] == got["Certificate"]


def test_only_what_was_asked_for_to_be_exported_is(names):
    acm = names.cloud.client("acm")
    code, text = refused(acm.export_certificate, CertificateArn=brought(names.cloud, HOST), Passphrase=b"passphrase")
    assert code == "ValidationException" and "is not a private certificate" in text
    arn = issued(names, HOST)
    assert refused(acm.export_certificate, CertificateArn=arn, Passphrase=b"passphrase")[0] == "ValidationException"
    assert refused(acm.revoke_certificate, CertificateArn=arn, RevocationReason="KEY_COMPROMISE")[0] == "ConflictException"
    acm.update_certificate_options(CertificateArn=arn, Options={"Export": "ENABLED"})
    acm.export_certificate(CertificateArn=arn, Passphrase=b"passphrase")
    acm.revoke_certificate(CertificateArn=arn, RevocationReason="KEY_COMPROMISE")
    assert (seen(names.cloud, arn)["Status"], seen(names.cloud, arn)["RevocationReason"]) == ("REVOKED", "KEY_COMPROMISE")
    assert refused(acm.update_certificate_options, CertificateArn=arn, Options={"Export": "DISABLED"})[0] == "InvalidStateException"


# Time ----------------------------------------------------------------------------------------------


def months_pass(names, days: float) -> None:
    """With the name servers dark, whose rounds would have to be lived through, too."""
    names.cloud.kill(EDGE)
    names.cloud.kill(GLOBAL)
    names.cloud.sleep(days * DAY)
    for name in (GLOBAL, EDGE):
        names.cloud.region(name)


def domain_name(cloud, arn: str, host: str = HOST) -> str:
    made = cloud.client("apigateway").create_domain_name(
        domainName=host, regionalCertificateArn=arn, endpointConfiguration={"types": ["REGIONAL"]}
    )
    return made["domainNameArn"]


def test_a_certificate_in_use_is_renewed_before_it_ends_while_its_cname_stands(names):
    # https://docs.aws.amazon.com/acm/latest/userguide/managed-renewal.html
    arn = issued(names, HOST)
    user, before = domain_name(names.cloud, arn), seen(names.cloud, arn)
    assert (before["InUseBy"], before["RenewalEligibility"]) == ([user], "ELIGIBLE")
    months_pass(names, 152.9)
    assert "RenewalSummary" not in seen(names.cloud, arn)
    names.cloud.sleep(0.5 * DAY)
    after = seen(names.cloud, arn)
    assert after["RenewalSummary"]["RenewalStatus"] == "SUCCESS"
    assert after["Serial"] != before["Serial"] and after["NotAfter"] > before["NotAfter"]


class Told:
    """A log group that hears ACM's events: a queue would be measured each minute of the months that pass."""

    def __init__(self, cloud) -> None:
        self.logs, events = cloud.client("logs"), cloud.client("events")
        group = "/aws/events/told"
        self.logs.create_log_group(logGroupName=group)
        arn = f"arn:aws:logs:us-east-1:{ACCOUNT}:log-group:{group}"
        allow = {
            "Effect": "Allow", "Principal": {"Service": "events.amazonaws.com"}, "Resource": f"{arn}:*",
            "Action": ["logs:CreateLogStream", "logs:PutLogEvents"],
        }  # fmt: skip
        self.logs.put_resource_policy(policyName="p", policyDocument=json.dumps({"Version": "2012-10-17", "Statement": allow}))
        events.put_rule(Name="r", EventPattern='{"source": ["aws.acm"]}')
        events.put_targets(Rule="r", Targets=[{"Id": "l", "Arn": arn}])

    def heard(self) -> list[dict]:
        pages = self.logs.get_paginator("filter_log_events").paginate(logGroupName="/aws/events/told")
        return [json.loads(each["message"]) for page in pages for each in page["events"]]


def test_without_its_cname_it_waits_says_so_and_ends(names):
    cloud, told = names.cloud, Told(names.cloud)
    arn = issued(names, HOST)
    domain_name(cloud, arn)
    record = seen(cloud, arn)["DomainValidationOptions"][0]["ResourceRecord"]
    zone = names.client.list_hosted_zones()["HostedZones"][0]["Id"]
    names.change(zone, ("DELETE", a(record["Name"], record["Value"], kind="CNAME")))
    months_pass(names, 152.9)
    cloud.sleep(0.5 * DAY)
    shown = seen(cloud, arn)
    assert (shown["Status"], shown["RenewalSummary"]["RenewalStatus"]) == ("ISSUED", "PENDING_VALIDATION")
    months_pass(names, 45)
    assert seen(cloud, arn)["Status"] == "EXPIRED"
    # https://docs.aws.amazon.com/acm/latest/userguide/supported-events.html
    bodies = told.heard()
    kinds = Counter(each["detail-type"].removeprefix("ACM Certificate ") for each in bodies)
    assert kinds == {"Available": 1, "Renewal Action Required": 1, "Approaching Expiration": 45, "Expired": 1}
    approaching = [each for each in bodies if each["detail-type"] == "ACM Certificate Approaching Expiration"]
    assert sorted(each["detail"]["DaysToExpiry"] for each in approaching) == [*range(1, 46)]
    assert {tuple(each["resources"]) for each in bodies} == {(arn,)}
    assert approaching[0]["detail"].keys() == {"DaysToExpiry", "CommonName"}


def test_what_nobody_uses_is_not_renewed(names):
    arn = issued(names, HOST)
    assert refused(names.cloud.client("acm").renew_certificate, CertificateArn=arn)[0] == "ValidationException"
    months_pass(names, 199)
    assert seen(names.cloud, arn)["Status"] == "EXPIRED" and "RenewalSummary" not in seen(names.cloud, arn)


def test_it_may_be_renewed_ahead_of_time(names):
    arn = issued(names, HOST)
    domain_name(names.cloud, arn)
    before = seen(names.cloud, arn)["Serial"]
    names.cloud.client("acm").renew_certificate(CertificateArn=arn)
    names.cloud.sleep(5)
    assert seen(names.cloud, arn)["Serial"] != before


def test_a_renewal_by_letters_waits_for_its_link(names):
    cloud = names.cloud
    arn = asked(cloud, HOST, method="EMAIL")
    cloud.sleep(1)
    cloud.http("GET", link(cloud, f"admin@{HOST}"))
    cloud.sleep(1)
    domain_name(cloud, arn)
    before, old = seen(cloud, arn), link(cloud, f"admin@{HOST}")
    months_pass(names, 152.9)
    cloud.sleep(0.5 * DAY)
    assert seen(cloud, arn)["RenewalSummary"]["DomainValidationOptions"][0]["ValidationStatus"] == "PENDING_VALIDATION"
    assert cloud.http("GET", old)[0] == 404
    assert cloud.http("GET", link(cloud, f"admin@{HOST}"))[0] == 200
    cloud.sleep(5)
    assert seen(cloud, arn)["RenewalSummary"]["RenewalStatus"] == "SUCCESS" and seen(cloud, arn)["Serial"] != before["Serial"]


def test_how_early_events_begin_is_the_accounts_to_say(cloud, acm):
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 45}
    acm.put_account_configuration(IdempotencyToken="t", ExpiryEvents={"DaysBeforeExpiry": 7})
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 7}
    assert refused(acm.put_account_configuration, IdempotencyToken="t", ExpiryEvents={"DaysBeforeExpiry": 8})[0] == "ConflictException"
    assert refused(acm.put_account_configuration, IdempotencyToken="u", ExpiryEvents={"DaysBeforeExpiry": 91})[0] == "ValidationException"
    # getmoto/moto, tests/test_acm/test_acm.py at 0af643a5.
    for nothing in ({}, {"ExpiryEvents": {}}):
        assert refused(acm.put_account_configuration, IdempotencyToken="v", **nothing) == ("ValidationException", "Configuration for events is empty.")
    assert acm.get_account_configuration()["ExpiryEvents"] == {"DaysBeforeExpiry": 7}


# Lists, tags, ends ---------------------------------------------------------------------------------


def test_lists_are_filtered_and_name_small_keys_of_rsa_unless_asked(cloud, acm):
    big, small = brought(cloud, "ec.shop.example"), asked(cloud, HOST)

    def listed(**how) -> list[str]:
        return [each["CertificateArn"] for each in acm.list_certificates(**how)["CertificateSummaryList"]]

    # https://docs.aws.amazon.com/acm/latest/APIReference/API_Filters.html
    assert listed() == [small]
    assert listed(Includes={"keyTypes": ["EC_prime256v1", "RSA_2048"]}) == [big, small]
    assert listed(Includes={"keyTypes": ["EC_prime256v1"], "extendedKeyUsage": ["TLS_WEB_SERVER_AUTHENTICATION"]}) == [big]
    assert listed(Includes={"keyTypes": ["EC_prime256v1"], "extendedKeyUsage": ["CODE_SIGNING"]}) == []
    assert listed(CertificateStatuses=["ISSUED"]) == [] and listed(CertificateStatuses=["PENDING_VALIDATION"]) == [small]
    both = {"Includes": {"keyTypes": ["EC_prime256v1", "RSA_2048"]}, "SortBy": "CREATED_AT"}
    assert listed(**both, SortOrder="DESCENDING") == [small, big]
    assert listed(**both, SortOrder="ASCENDING", CertificateKeyPairOrigins=["CUSTOMER_PROVIDED"]) == [big]
    assert refused(acm.list_certificates, SortBy="CREATED_AT")[0] == "ValidationException"
    page = acm.list_certificates(MaxItems=1, Includes=both["Includes"])
    assert len(page["CertificateSummaryList"]) == 1 and page["NextToken"]


def test_tags_come_and_go_by_both_ways(cloud, acm):
    arn = brought(cloud, HOST)
    acm.add_tags_to_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "1"}, {"Key": "b"}])
    acm.remove_tags_from_certificate(CertificateArn=arn, Tags=[{"Key": "a", "Value": "2"}, {"Key": "b"}])
    acm.tag_resource(ResourceArn=arn, Tags=[{"Key": "c", "Value": "3"}])
    assert acm.list_tags_for_resource(ResourceArn=arn)["Tags"] == [{"Key": "a", "Value": "1"}, {"Key": "c", "Value": "3"}]
    acm.untag_resource(ResourceArn=arn, TagKeys=["a", "c"])
    assert acm.list_tags_for_certificate(CertificateArn=arn)["Tags"] == []
    acm.tag_resource(ResourceArn=arn, Tags=[{"Key": f"k{n}"} for n in range(50)])
    assert refused(acm.tag_resource, ResourceArn=arn, Tags=[{"Key": "more"}])[0] == "TooManyTagsException"


def test_what_is_in_use_is_not_deleted(cloud, acm):
    arn = brought(cloud, HOST)
    domain_name(cloud, arn)
    # https://github.com/dfds/infrastructure-modules/issues/5
    assert refused(acm.delete_certificate, CertificateArn=arn) == (
        "ResourceInUseException", f"Certificate {arn} in account {ACCOUNT} is in use."
    )  # fmt: skip
    cloud.client("apigateway").delete_domain_name(domainName=HOST)
    acm.delete_certificate(CertificateArn=arn)
    assert refused(acm.delete_certificate, CertificateArn=arn)[0] == "ResourceNotFoundException"
