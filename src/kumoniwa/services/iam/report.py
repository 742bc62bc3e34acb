"""The credential report: one line of CSV for each user, the root user first; and when a key was last used.

A report stands for four hours, and until then asking for another one changes nothing.
https://docs.aws.amazon.com/IAM/latest/UserGuide/id_credentials_getting-report.html
"""

from __future__ import annotations

import csv
import io
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from kumoniwa.gate.identity import SHARED
from kumoniwa.gate.usage import LastUse
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.iam import access_key, password
from kumoniwa.services.iam.credential import Device, LoginProfile, SigningCertificate, of
from kumoniwa.services.iam.entity import User, account_created, arn_of, global_arn, named, now_s
from kumoniwa.services.iam.errors import NoSuchEntity

if TYPE_CHECKING:
    from kumoniwa.kernel.call import Call

STANDS_S = 4 * 3_600
_KEY = ("active", "last_rotated", "last_used_date", "last_used_region", "last_used_service")
COLUMNS = (
    "user", "arn", "user_creation_time", "password_enabled", "password_last_used", "password_last_changed",
    "password_next_rotation", "mfa_active", *(f"access_key_{n}_{what}" for n in (1, 2) for what in _KEY),
    *(f"cert_{n}_{what}" for n in (1, 2) for what in ("active", "last_rotated")),
)  # fmt: skip
_ACCOUNT = "account"


class ReportNotPresent(AwsError):
    status = 410
    message = "No report exists. Generate a new report."


class ReportExpired(AwsError):
    status = 410
    message = "The most recent report has expired. Generate a new report."


class Report(Record):
    """Shelved under one key."""

    generated: float
    content: str


def GenerateCredentialReport(call: Call) -> dict:
    """The first asking starts one, as on AWS; here it is there when the answer is."""
    held = call.shelf(Report).get(_ACCOUNT)
    if held is not None and call.now() - held.generated < STANDS_S:
        return {"State": "COMPLETE"}
    call.shelf(Report)[_ACCOUNT] = Report(generated=now_s(call), content=_written(call))
    return {"State": "STARTED", "Description": "No report exists. Starting a new report generation task"}


def GetCredentialReport(call: Call) -> dict:
    held = call.shelf(Report).get(_ACCOUNT)
    if held is None:
        raise ReportNotPresent
    if call.now() - held.generated >= STANDS_S:
        raise ReportExpired
    return {"Content": held.content.encode(), "ReportFormat": "text/csv", "GeneratedTime": held.generated}


def _written(call: Call) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(COLUMNS)
    root = [
        "<root_account>",
        global_arn(call, "root"),
        _time(account_created(call)),
        _flag(password.root_password(call).is_there),
        "no_information",
    ]
    lines.writerow([*root, "not_supported", "not_supported", _flag(bool(of(call, Device, call.account))), *_keys(call, ""), *_certificates(call, call.account)])
    for user in named(call.shelf(User).values(), None):
        has_mfa = bool(of(call, Device, user.id))
        start = [user.name, arn_of(call, user), _time(user.created), *_password(call, user), _flag(has_mfa)]
        lines.writerow([*start, *_keys(call, user.name), *_certificates(call, user.id)])
    return text.getvalue().rstrip("\n")


def _time(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).isoformat()


def _flag(value: bool) -> str:
    return "true" if value else "false"


def _password(call: Call, user: User) -> list[str]:
    """Nobody can sign in with a password here, so none has been used."""
    profile, held = call.shelf(LoginProfile).get(user.id), password.policy(call)
    if profile is None:
        return ["false", "N/A", "N/A", "N/A"]
    days = held.age_days_max if held is not None else 0
    rotation = _time(profile.changed_at + days * password.DAY_S) if days else "N/A"
    return ["true", "no_information", _time(profile.changed_at), rotation]


def _keys(call: Call, user_name: str) -> list[str]:
    keys, fields = access_key.of(call, user_name), []
    for n in range(access_key.KEYS_MAX):
        if n >= len(keys):
            fields += ["false", "N/A", "N/A", "N/A", "N/A"]
            continue
        use = call.home.store.shelf(SHARED, LastUse).get(keys[n].id)
        used = [_time(use.at), use.region, use.service] if use is not None else ["N/A", "N/A", "N/A"]
        fields += [_flag(keys[n].status == "Active"), _time(keys[n].created), *used]
    return fields


def _certificates(call: Call, user_id: str) -> list[str]:
    held = [
        field
        for one in of(call, SigningCertificate, user_id)
        for field in (_flag(one.status == "Active"), _time(one.uploaded))
    ]
    return (held + ["false", "N/A"] * 2)[:4]


def GetAccessKeyLastUsed(call: Call, *, AccessKeyId: str) -> dict:
    key = call.shelf(access_key.AccessKey).get(AccessKeyId)
    if key is None:
        raise NoSuchEntity(f"The Access Key with id {AccessKeyId} cannot be found.")
    use = call.home.store.shelf(SHARED, LastUse).get(AccessKeyId)
    used = {"ServiceName": "N/A", "Region": "N/A"}
    if use is not None:
        used = {"LastUsedDate": use.at, "ServiceName": use.service, "Region": use.region}
    return {"AccessKeyLastUsed": used} | ({"UserName": key.user} if key.user else {})
