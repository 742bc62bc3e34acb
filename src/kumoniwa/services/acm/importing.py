"""How a certificate from elsewhere is brought, and brought anew under its ARN.

https://docs.aws.amazon.com/acm/latest/userguide/import-certificate-prerequisites.html
"""

from __future__ import annotations

import asyncio

from kumoniwa.engines import certificate_reading
from kumoniwa.gate.certificate import Certificate
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import changed
from kumoniwa.services.acm import issuing, tag
from kumoniwa.services.acm.errors import ValidationException

KEY_BYTES_MAX = 5_120
OPTIONS = {"CertificateTransparencyLoggingPreference": "DISABLED", "Export": "DISABLED"}
TEXTS = {
    "certificate": "The certificate body is not in a valid PEM format.",
    # https://github.com/hashicorp/terraform-provider-aws/issues/19400
    "certificates": "The certificate field contains more than one certificate. You can specify only one certificate in this field.",
    # https://github.com/certbot/certbot/issues/5656
    "key": "The private key is not supported.",
    "pair": "The private key does not match the certificate.",
    "chain": "The certificate chain is not in a valid PEM format.",
    "links": "Could not validate the certificate with the certificate chain.",
}


async def ImportCertificate(
    call: Call,
    *,
    Certificate: bytes,  # noqa: N803 - AWS's name
    PrivateKey: bytes,
    CertificateChain: bytes | None = None,
    CertificateArn: str | None = None,
    Tags: list[dict[str, str]] | None = None,
) -> dict:
    before = tag.found(call, CertificateArn) if CertificateArn is not None else None
    if before is not None and before.kind != "IMPORTED":
        raise ValidationException(f"Certificate {CertificateArn} was not imported, and cannot be replaced.")
    if before is not None and Tags:
        raise ValidationException("Tagging is not permitted on re-import.")
    if len(PrivateKey) > KEY_BYTES_MAX:
        raise ValidationException(f"The private key is longer than {KEY_BYTES_MAX} bytes.")
    try:
        facts, algorithm, key = await asyncio.to_thread(certificate_reading.brought, Certificate, PrivateKey, CertificateChain)
    except certificate_reading.Unfit as error:
        raise ValidationException(TEXTS[error.part]) from None
    if call.now() > facts["NotAfter"]:
        raise ValidationException("The certificate has expired, is not valid.")
    if call.now() < facts["NotBefore"]:
        raise ValidationException("The certificate is not in effect yet, is not valid.")
    if not facts["names"]:
        raise ValidationException("The certificate names no domain.")
    parts = {"facts": facts, "algorithm": algorithm, "names": tuple(facts["names"])}
    texts = {"body": Certificate.decode(), "chain": (CertificateChain or b"").decode()}
    return call.atomically(lambda: _kept(call, CertificateArn, parts | texts, key, Tags))


def _kept(call: Call, arn: str | None, parts: dict, key: str, tags: list[dict[str, str]] | None) -> dict:
    if arn is None:
        arn = call.arn(f"certificate/{call.new_id()}")
        made = Certificate(
            arn=arn, kind="IMPORTED", status="ISSUED", created=call.now(), options=OPTIONS, tags=tag.checked({}, tags), imported=call.now(),
            key=issuing.sealed(call, arn, key.encode()), **parts,
        )  # fmt: skip
    else:
        sealed = issuing.sealed(call, arn, key.encode())
        made = changed(tag.found(call, arn), status="ISSUED", imported=call.now(), told_days=None, key=sealed, **parts)
    call.shelf(Certificate)[arn] = made
    issuing.look_again(call, arn, issuing.next_look(call, made))
    return {"CertificateArn": arn}
