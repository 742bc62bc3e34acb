"""Signature Version 4: what a request claims of itself, and whether the claim is true.

``claim`` only reads, so that a key nobody issued costs a microsecond; ``verify`` computes the signature anew from the
bytes as they came. Each family of protocols refuses in its own words, and S3 in yet others; the tables say which.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
https://docs.aws.amazon.com/AmazonS3/latest/API/sig-v4-authenticating-requests.html
Texts and order of the JSON family's checks as recorded by https://github.com/mhart/dynalite.
"""

from __future__ import annotations

import hmac
import re
import time
from fnmatch import fnmatchcase
from functools import lru_cache
from hashlib import sha256
from typing import TYPE_CHECKING, NoReturn
from urllib.parse import parse_qsl, unquote

import msgspec

from kumoniwa.gate import signature_asymmetric as asymmetric
from kumoniwa.gate import signature_refusals as refusals
from kumoniwa.gate import signature_version_2 as version_2
from kumoniwa.gate.address import is_led
from kumoniwa.gate.canonical_request import signing_key, spelled
from kumoniwa.kernel.clock import epoch_of
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.wire import timestamps

if TYPE_CHECKING:
    from kumoniwa.wire.message import Request

ALGORITHM = "AWS4-HMAC-SHA256"
SKEW_S = 300
S3_SKEW_S = 900
PRESIGNED_S_MAX = 604_800


class Claim(msgspec.Struct, frozen=True):
    """What a signed request says of itself; nothing of it is proven."""

    access_key: str
    date: str
    """The day of the credential scope, YYYYMMDD."""
    region: str
    service: str
    signed_headers: str
    """Lower-case names joined with ``;``."""
    signature: str
    at: str
    """When it was signed, YYYYMMDDTHHMMSSZ."""
    session_token: str | None = None
    expires_s: int | None = None
    """Set for a presigned URL: for how many seconds it is good."""
    expires_at: int | None = None
    """Set for a URL of Signature Version 2: the epoch second after which it is no good."""
    is_version_2: bool = False
    """Whether it is of Signature Version 2, in a URL or a header."""
    is_asymmetric: bool = False
    """Whether it is of Signature Version 4A, which names no region in its scope."""
    regions: str = ""
    """The set that it names instead: names and patterns of names, with commas between them."""

    @property
    def is_presigned(self) -> bool:
        return self.expires_s is not None or self.expires_at is not None

    @property
    def scope(self) -> str:
        return f"{self.date}/{self.service}/aws4_request" if self.is_asymmetric else f"{self.date}/{self.region}/{self.service}/aws4_request"

    def is_for(self, region: str) -> bool:
        if not self.is_asymmetric:
            return self.region == region
        return any(fnmatchcase(region, pattern.strip().replace("[", "[[]")) for pattern in self.regions.split(","))


def family_of(request: Request, service: str = "") -> str:
    """In whose words to refuse a request whose operation is not known (yet)."""
    if (
        service in ("s3", "s3express", "s3-outposts")
        or "x-amz-content-sha256" in request.headers
        and not service
    ):
        return "s3"
    if "x-amz-target" in request.headers:
        return "json"
    if request.headers.get("content-type", "").startswith("application/x-www-form-urlencoded"):
        return "query"
    return "query" if request.query.startswith("Action=") else "rest-json"


_HEAD = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^,/\s]+)/(\d{8})/([^,/\s]+)/([^,/\s]+)/aws4_request, *"
    r"SignedHeaders=([^,\s]+), *"
)
_SIGNATURE = re.compile("[0-9a-f]{64}")
REMEMBERED_CHARACTERS_MAX = 1_024
"""Longer texts are read anew each time, so that what is remembered stays small."""


@lru_cache(maxsize=4096)
def _head(text: str) -> tuple[str, ...] | None:
    """What an Authorization header says before the signature: a client says the same in all its requests of a day."""
    found = _HEAD.fullmatch(text)
    return found.groups() if found is not None else None


_AMZ_DATE = re.compile(r"\d{8}T\d{6}Z")


def claim(request: Request, family: str | None = None) -> Claim | None:
    """The claim of a signed request, None for one that carries no signature, or AWS's refusal of a malformed one.

    ``family`` is ``s3`` or the protocol's name in the model (``json``, ``rest-json``, ``query``, ``ec2``, ``rest-xml``);
    left out, it is guessed from the request.
    """
    headers = request.headers
    header = headers.get("authorization")
    if header is not None:
        head, _, signature = header.rpartition("Signature=")
        found = _head(head) if len(head) <= REMEMBERED_CHARACTERS_MAX else _head.__wrapped__(head)
        at = headers.get("x-amz-date", "")
        if found and _SIGNATURE.fullmatch(signature) and _AMZ_DATE.fullmatch(at) and "X-Amz-Algorithm=" not in request.query:
            return Claim(*found, signature, at, headers.get("x-amz-security-token"))
        return _claim_of_odd_header(request, header, family)
    query = request.query
    if "X-Amz-" in query and (
        "X-Amz-Algorithm" in query or "X-Amz-Credential" in query or "X-Amz-Signature" in query
    ):
        if family == "s3":
            _take_down(request)
        return _claim_of_query(request, family)
    if version_2.is_claimed(query):
        if (family or family_of(request, "s3")) != "s3" or not version_2.is_known_in(request):
            refusals.refuse_version_2(family or "s3")
        _take_down(request)
        key, proof, expires_at, token = version_2.given(request)
        return Claim(key, "", "", "s3", "", proof, "", token, expires_at=expires_at, is_version_2=True)
    return None


_OF_QUERIES = frozenset((
    "x-amz-algorithm", "x-amz-credential", "x-amz-date", "x-amz-expires", "x-amz-signedheaders", "x-amz-signature",
    "x-amz-security-token", "x-amz-content-sha256",
))  # fmt: skip


_CONDITIONS = ("if-match", "if-none-match", "if-modified-since", "if-unmodified-since")
"""Recorded for the first two: localstack's test_pre_signed_url_if_match, test_pre_signed_url_if_none_match."""


def _take_down(request: Request) -> None:
    """Clients may presign headers as query parameters: to S3 they are headers still, unless the request has others.

    Version 4's checksums are none, for nobody knew the body when the URL was made: localstack's test_presigned_url_v4_x_amz_in_qs."""
    is_old = version_2.is_claimed(request.query)
    for name, value in parse_qsl(request.query, keep_blank_values=True, encoding="latin-1"):
        folded = name.lower()
        is_header = folded.startswith("x-amz-") and (
            is_old or not (folded in _OF_QUERIES or folded.startswith(("x-amz-checksum-", "x-amz-sdk-checksum-")))
        )
        if is_header or folded in _CONDITIONS:
            request.headers.setdefault(folded, value)


def _claim_of_odd_header(request: Request, header: str, family: str | None) -> Claim:
    """The careful reading: other orders and spacings are legal, and faults are named in AWS's order."""
    algorithm, _, rest = header.strip().partition(" ")
    pairs = [pair.strip() for pair in re.split(r"[, ]", rest) if pair.strip()]
    given = dict(pair.partition("=")[::2] for pair in pairs)
    scope = given.get("Credential", "").split("/")
    family = family or family_of(request, scope[-2] if len(scope) >= 5 else "")
    if "X-Amz-Algorithm=" in request.query:
        refusals.refuse_both_mechanisms(family)
    if algorithm == "AWS":
        if family != "s3" or not version_2.is_known_in(request):
            refusals.refuse_version_2(family)
        at = _moment(request.headers)
        if at is None:
            raise refusals.AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
        key, proof = version_2.given_in_header(header)
        return Claim(key, "", "", "s3", "", proof, at, request.headers.get("x-amz-security-token"), is_version_2=True)
    if algorithm.startswith("AWS4-ECDSA"):
        return _asymmetric_claim(request, header)
    if not algorithm.startswith("AWS4-"):
        refusals.refuse_unknown_scheme(family, header)
    at = _moment(request.headers)
    if family == "s3":
        if not (given.get("Credential") and given.get("SignedHeaders") and given.get("Signature")):
            refusals.malformed_header(
                "the authorization header requires three components: Credential, SignedHeaders, and Signature."
            )
        if at is None:
            raise refusals.AccessDenied("AWS authentication requires a valid Date or x-amz-date header")
    else:
        for pair in pairs:
            if "=" not in pair:
                refusals.incomplete(
                    family,
                    f"'{pair}' not a valid key=value pair (missing equal-sign) in Authorization header: '{header}'.",
                )
        absent = [
            f"Authorization header requires '{name}' parameter."
            for name in ("Credential", "Signature", "SignedHeaders")
            if not given.get(name)
        ]
        if "x-amz-date" not in request.headers and "date" not in request.headers:
            absent.append(
                "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header."
            )
        if absent:
            refusals.incomplete(family, " ".join([*absent, f"Authorization={header}"]))
        if at is None:
            _refuse_date(family, request.headers.get("x-amz-date") or request.headers.get("date", ""))
    if algorithm != ALGORITHM:
        refusals.refuse_algorithm(family, algorithm, header)
    access_key, date, region, service = _scope(family, given["Credential"], is_presigned=False)
    return Claim(
        access_key,
        date,
        region,
        service,
        given["SignedHeaders"].lower(),
        given["Signature"],
        at,
        request.headers.get("x-amz-security-token"),
    )


def _asymmetric_claim(request: Request, header: str) -> Claim:
    parts, at = asymmetric.parts_of(header), _moment(request.headers)
    if parts is None or at is None or asymmetric.REGIONS not in request.headers:
        raise NotImplementedHere("Signature Version 4A in another form than an Authorization header with X-Amz-Date and X-Amz-Region-Set")
    access_key, date, service, signed_headers, signature = parts
    _check_asymmetric(request, service)
    return Claim(
        access_key, date, "", service, signed_headers.lower(), signature, at, request.headers.get("x-amz-security-token"), is_asymmetric=True,
        regions=request.headers[asymmetric.REGIONS],
    )  # fmt: skip


def _check_asymmetric(request: Request, service: str) -> None:
    """S3 is asked in this way where it is asked of no region."""
    if service not in asymmetric.SERVICES and not (service == "s3" and request.address is not None and is_led(request.address)):
        raise NotImplementedHere(f"Signature Version 4A of {service}")


def _asymmetric_claim_of_query(request: Request, given: dict[str, str]) -> Claim:
    """A URL of S3's, presigned for a set of regions."""
    expires_s = _checked_s3_query(given)
    access_key, date, service, *more = given["X-Amz-Credential"].rsplit("/", 3)
    if more != ["aws4_request"] or not given.get("X-Amz-Region-Set"):
        refusals.malformed_query('the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/SERVICE/aws4_request".')
    _check_asymmetric(request, service)
    return Claim(
        access_key, date, "", service, given["X-Amz-SignedHeaders"].lower(), given["X-Amz-Signature"], given["X-Amz-Date"],
        given.get("X-Amz-Security-Token") or request.headers.get("x-amz-security-token"), expires_s, is_asymmetric=True,
        regions=given["X-Amz-Region-Set"],
    )  # fmt: skip


def _moment(headers: dict[str, str]) -> str | None:
    """X-Amz-Date, else Date, in the basic format."""
    at = headers.get("x-amz-date") or headers.get("date", "")
    if _AMZ_DATE.fullmatch(at):
        return at
    try:
        from email.utils import parsedate_tz  # noqa: PLC0415 - a mebibyte in every region, for a header that is rare

        parsed = parsedate_tz(at) if "x-amz-date" not in headers else None
        if parsed is not None:
            seconds = epoch_of(*parsed[:6]) - (parsed[9] or 0)
            return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
    except (ValueError, OverflowError, IndexError, TypeError):
        pass
    return None


def _refuse_date(family: str, at: str) -> NoReturn:
    text = f"Date must be in ISO-8601 'basic format'. Got '{at}'. See http://en.wikipedia.org/wiki/ISO_8601"
    refusals.incomplete(family, text)


def _scope(family: str, credential: str, *, is_presigned: bool) -> tuple[str, str, str, str]:
    """Key id, date, region and service of a credential."""
    parts = credential.split("/")
    complain = refusals.malformed_query if is_presigned else refusals.malformed_header
    if family == "s3":
        if len(parts) < 5:
            complain(
                'the Credential is mal-formed; expecting "<YOUR-AKID>/YYYYMMDD/REGION/SERVICE/aws4_request".'
            )
        parts = ["/".join(parts[:-4]), *parts[-4:]]
        if parts[4] != "aws4_request":
            complain(f'incorrect terminal "{parts[4]}". This endpoint uses "aws4_request".')
        if not re.fullmatch(r"\d{8}", parts[1]):
            complain(
                f'incorrect date format "{parts[1]}". This date in the credential must be in the format "yyyyMMdd".'
            )
    else:
        if len(parts) != 5:
            refusals.incomplete(
                family,
                "Credential must have exactly 5 slash-delimited elements, e.g. keyid/date/region/service/term, "
                f"got '{credential}'",
            )
        if parts[4] != "aws4_request":
            refusals.invalid(
                family,
                f"Credential should be scoped with a valid terminator: 'aws4_request', not '{parts[4]}'.",
            )
    return parts[0], parts[1], parts[2], parts[3]


_QUERY_NAMES = ("X-Amz-Algorithm", "X-Amz-Credential", "X-Amz-Signature", "X-Amz-SignedHeaders", "X-Amz-Date")


def _claim_of_query(request: Request, family: str | None) -> Claim:
    given = {
        name: unquote(value.replace("+", " "))
        for name, _, value in (pair.partition("=") for pair in request.query.split("&"))
        if name.startswith("X-Amz-")
    }
    scope = given.get("X-Amz-Credential", "").split("/")
    family = family or family_of(request, scope[-2] if len(scope) >= 5 else "s3")
    if given.get("X-Amz-Algorithm") == asymmetric.ALGORITHM:
        if family != "s3":
            raise NotImplementedHere("URLs presigned with Signature Version 4A of services other than S3")
        return _asymmetric_claim_of_query(request, given)
    if family == "s3":
        expires_s = _checked_s3_query(given)
    else:
        absent = [
            f"AWS query-string parameters must include '{name}'."
            for name in _QUERY_NAMES
            if not given.get(name)
        ]
        if absent:
            refusals.incomplete(family, " ".join([*absent, "Re-examine the query-string parameters."]))
        if not _AMZ_DATE.fullmatch(given["X-Amz-Date"]):
            _refuse_date(family, given["X-Amz-Date"])
        if given["X-Amz-Algorithm"] != ALGORITHM:
            refusals.refuse_algorithm(family, given["X-Amz-Algorithm"], "")
        expires_s = SKEW_S
    access_key, date, region, service = _scope(family, given["X-Amz-Credential"], is_presigned=True)
    return Claim(
        access_key,
        date,
        region,
        service,
        given["X-Amz-SignedHeaders"].lower(),
        given["X-Amz-Signature"],
        given["X-Amz-Date"],
        given.get("X-Amz-Security-Token") or request.headers.get("x-amz-security-token"),
        expires_s,
    )


def _checked_s3_query(given: dict[str, str]) -> int:
    """The life of an S3 presigned URL in seconds, or S3's refusal."""
    if not all(given.get(name) for name in (*_QUERY_NAMES, "X-Amz-Expires")):
        refusals.query_error(
            "Query-string authentication version 4 requires the X-Amz-Algorithm, X-Amz-Credential, X-Amz-Signature, "
            "X-Amz-Date, X-Amz-SignedHeaders, and X-Amz-Expires parameters."
        )
    if given["X-Amz-Algorithm"] not in (ALGORITHM, asymmetric.ALGORITHM):
        refusals.query_error('X-Amz-Algorithm only supports "AWS4-HMAC-SHA256 and AWS4-ECDSA-P256-SHA256"')
    if not _AMZ_DATE.fullmatch(given["X-Amz-Date"]):
        refusals.query_error("X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\"")
    expires = given["X-Amz-Expires"]
    if not re.fullmatch(r"-?[0-9]{1,18}", expires):
        refusals.query_error("X-Amz-Expires should be a number")
    if int(expires) < 0:
        refusals.query_error("X-Amz-Expires must be non-negative")
    if int(expires) > PRESIGNED_S_MAX:
        refusals.query_error(
            "X-Amz-Expires must be less than a week (in seconds); that is, the given X-Amz-Expires must be less than "
            "604800 seconds"
        )
    return int(expires)


@lru_cache(maxsize=256)
def _epoch_s(at: str) -> int:
    """Epoch seconds of YYYYMMDDTHHMMSSZ, 0 in a month that does not exist; days that do not run over into the next, which harms nobody."""
    if not 1 <= int(at[4:6]) <= 12:
        return 0
    return epoch_of(int(at[:4]), int(at[4:6]), int(at[6:8]), int(at[9:11]), int(at[11:13]), int(at[13:15]))


def _basic(now: float) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))


def check_time(claim: Claim, family: str, now: float) -> None:
    """See that a claim is neither too old nor of the future."""
    if claim.expires_at is not None:
        if now > claim.expires_at:
            expired = timestamps.to_second(min(claim.expires_at, 253402300799))
            raise refusals.AccessDenied("Request has expired", Expires=expired, ServerTime=timestamps.to_second(now))
        return
    signed = _epoch_s(claim.at)
    if family != "s3":
        if signed < now - SKEW_S:
            refusals.invalid(
                family,
                f"Signature expired: {claim.at} is now earlier than {_basic(now - SKEW_S)} ({_basic(now)} - 5 min.)",
            )
        if signed > now + SKEW_S:
            refusals.invalid(
                family,
                f"Signature not yet current: {claim.at} is still later than {_basic(now + SKEW_S)} "
                f"({_basic(now)} + 5 min.)",
            )
        return
    if claim.expires_s is None:
        if abs(signed - now) > S3_SKEW_S:
            raise refusals.RequestTimeTooSkewed(
                RequestTime=claim.at, ServerTime=timestamps.to_second(now), MaxAllowedSkewMilliseconds=S3_SKEW_S * 1000
            )
    elif signed > now + S3_SKEW_S:
        raise refusals.AccessDenied("Request is not valid yet", ServerTime=timestamps.to_second(now))
    elif now > signed + claim.expires_s:
        raise refusals.AccessDenied(
            "Request has expired",
            **{
                "X-Amz-Expires": claim.expires_s,
                "Expires": timestamps.to_second(signed + claim.expires_s),
                "ServerTime": timestamps.to_second(now),
            },
        )


def check_region(claim: Claim, family: str, region: str) -> None:
    """That a claim is good in a region, whoever made it."""
    if not claim.is_version_2:
        _check_scope(claim, family, region, None)


def _check_scope(claim: Claim, family: str, region: str | None, service: str | None) -> None:
    complain = refusals.malformed_query if claim.is_presigned else refusals.malformed_header
    if family == "s3":
        if claim.date != claim.at[:8]:
            complain(
                f'Invalid credential date "{claim.date}". This date is not the same as X-Amz-Date: "{claim.at[:8]}".'
            )
        if service is not None and claim.service != service:
            complain(f'incorrect service "{claim.service}". This endpoint belongs to "{service}".')
        if region is not None and not claim.is_for(region):
            # Of a set of regions AWS's words are not recorded.
            complain(f"the region '{claim.regions or claim.region}' is wrong; expecting '{region}'", Region=region)
        return
    faults = []
    if region is not None and claim.region != region:
        faults.append(f"Credential should be scoped to a valid region, not '{claim.region}'.")
    if service is not None and claim.service != service:
        faults.append(f"Credential should be scoped to correct service: '{service}'.")
    if claim.date != claim.at[:8]:
        faults.append(
            "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: "
            f"'{claim.date}' != '{claim.at[:8]}', from '{claim.at}'."
        )
    if faults:
        refusals.invalid(family, " ".join(faults))


# Headers that proxies add after signing. x-amz-user-agent is none of them: localstack's test_s3_ignored_special_headers.
_NEED_NO_SIGNATURE = frozenset(("x-amz-content-sha256", "x-amz-cf-id", "x-amz-date"))


@lru_cache(maxsize=1024)
def _has_host(signed_headers: str) -> bool:
    names = signed_headers.split(";")
    return "host" in names or ":authority" in names


def _check_signed_headers(request: Request, claim: Claim) -> None:
    """S3 wants every header signed that is its own."""
    signed = claim.signed_headers.split(";")
    # What is a header because it stands in the query was signed with that.
    asked = parse_qsl(request.query, keep_blank_values=True, encoding="latin-1") if claim.is_presigned else ()
    in_query = {name.lower(): value for name, value in asked}
    unsigned = [
        name
        for name, value in request.headers.items()
        if (name == "host" or name.startswith("x-amz-"))
        and name not in signed
        and name not in _NEED_NO_SIGNATURE
        and in_query.get(name) != value
    ]
    if unsigned:
        raise refusals.AccessDenied(
            "There were headers present in the request which were not signed",
            HeadersNotSigned=", ".join(unsigned),
        )


def verify(
    request: Request,
    claim: Claim,
    secret: str,
    now: float,
    family: str | None = None,
    *,
    region: str | None = None,
    service: str | None = None,
) -> None:
    """Return if the request was signed with ``secret`` and is fresh, else raise what AWS answers.

    ``region`` and ``service`` are what the credential must be scoped to, where the caller wants that checked. The body
    must be complete unless the family is ``s3``, whose bodies prove themselves: see ``signature_payload``.
    """
    if family is None:
        family = family_of(request, claim.service)
    check_time(claim, family, now)
    if claim.is_version_2:
        version_2.verify(request, claim, secret)
        return
    if family == "s3":
        _check_signed_headers(request, claim)
    elif not _has_host(claim.signed_headers):
        refusals.invalid(family, "'Host' or ':authority' must be a 'SignedHeader' in the AWS Authorization.")
    if claim.date != claim.at[:8] or region is not None or service is not None:
        _check_scope(claim, family, region, service)
    canonical = spelled(request, claim, family)
    digest = sha256(canonical.encode("latin-1", "replace")).hexdigest()
    if claim.is_asymmetric:
        to_sign = f"{asymmetric.ALGORITHM}\n{claim.at}\n{claim.scope}\n{digest}"
        says_where = claim.is_presigned or asymmetric.REGIONS in claim.signed_headers.split(";")
        if not says_where or not asymmetric.is_signed(claim.access_key, secret, claim.signature, to_sign):
            refusals.mismatch(family, claim, canonical, to_sign)
        return
    to_sign = f"{ALGORITHM}\n{claim.at}\n{claim.date}/{claim.region}/{claim.service}/aws4_request\n{digest}"
    expected = signing_key(secret, claim.date, claim.region, claim.service).sign(
        to_sign.encode("latin-1", "replace")
    )
    if not (claim.signature.isascii() and hmac.compare_digest(expected, claim.signature)):
        refusals.mismatch(family, claim, canonical, to_sign)
