"""Cookies by which clients stay with a target, or with a target group.

What they hold says nothing to who reads them, and counts only with the seal of the cloud that gave it.
https://docs.aws.amazon.com/elasticloadbalancing/latest/application/sticky-sessions.html
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import time
from collections.abc import Iterable
from typing import Any

from kumoniwa.services.elbv2.target_group import Target, TargetGroup
from kumoniwa.services.elbv2.visit import Visit

TARGET, APPLICATION, GROUP = "AWSALB", "AWSALBAPP-0", "AWSALBTG"
_MARK = 16


def _sealed(home: Any, *parts: bytes) -> bytes:
    return hmac.digest(home.settings.seal, b"elbv2 stickiness\0" + b"\0".join(parts), hashlib.sha256)[:_MARK]


def _token(home: Any, mark: bytes, until: float) -> str:
    end = int(until).to_bytes(6, "big")
    return base64.b64encode(end + mark + _sealed(home, end, mark)).decode()


def _mark_in(home: Any, said: str | None, now: float) -> bytes | None:
    """What a cookie leads to, if it is one of ours and not too old."""
    try:
        held = base64.b64decode(said or "", validate=True)
    except (binascii.Error, ValueError):
        return None
    end, mark, seal = held[:6], held[6 : 6 + _MARK], held[6 + _MARK :]
    if not hmac.compare_digest(seal, _sealed(home, end, mark)) or int.from_bytes(end, "big") <= now:
        return None
    return mark


def _mark_of(home: Any, *names: str) -> bytes:
    return _sealed(home, *(name.encode() for name in names))


def said(visit: Visit) -> dict[str, str]:
    """The client's cookies."""
    pairs = (part.strip().partition("=") for part in visit.request.headers.get("cookie", "").split(";"))
    return {name: value for name, _, value in pairs if name}


def _give(visit: Visit, name: str, mark: bytes, lasting_s: int) -> None:
    """The cookie, and its twin for requests from pages of other origins."""
    until = visit.home.clock.now() + lasting_s
    token = _token(visit.home, mark, until)
    expires = time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(until))
    visit.cookies.append(f"{name}={token}; Expires={expires}; Path=/")
    if name != APPLICATION:
        secure = "; Secure" if visit.is_secure else ""
        visit.cookies.append(f"{name}CORS={token}; Expires={expires}; Path=/; SameSite=None{secure}")


# Targets ------------------------------------------------------------------------------------------------------------


def _kept_by(group: TargetGroup) -> str:
    return group.attribute("stickiness.type") if group.kind != "lambda" and group.attribute("stickiness.enabled") == "true" else ""


def held_target(visit: Visit, group: TargetGroup, among: Iterable[Target]) -> Target | None:
    """The target with which the client stays, if that can be asked."""
    kind = _kept_by(group)
    if not kind:
        return None
    cookies, now = said(visit), visit.home.clock.now()
    names = (TARGET, f"{TARGET}CORS") if kind == "lb_cookie" else (APPLICATION,)
    marks = [mark for name in names if (mark := _mark_in(visit.home, cookies.get(name), now)) is not None]
    if not marks or (kind == "app_cookie" and group.attribute("stickiness.app_cookie.cookie_name") not in cookies):
        return None
    return next((each for each in among if _mark_of(visit.home, group.arn, each.id, str(each.port)) in marks), None)


def keep_target(visit: Visit, group: TargetGroup, target: Target, set_cookies: Iterable[str]) -> None:
    """Let the client stay with a target: from now on, or if the application gives it the cookie that says so."""
    kind = _kept_by(group)
    mark = _mark_of(visit.home, group.arn, target.id, str(target.port)) if kind else b""
    if kind == "lb_cookie":
        _give(visit, TARGET, mark, int(group.attribute("stickiness.lb_cookie.duration_seconds")))
    elif kind == "app_cookie":
        name = group.attribute("stickiness.app_cookie.cookie_name")
        if any(each.partition("=")[0].strip() == name for each in set_cookies):
            _give(visit, APPLICATION, mark, int(group.attribute("stickiness.app_cookie.duration_seconds")))


# Target groups ------------------------------------------------------------------------------------------------------


def held_group(visit: Visit, arns: Iterable[str]) -> str | None:
    cookies, now = said(visit), visit.home.clock.now()
    marks = [mark for name in (GROUP, f"{GROUP}CORS") if (mark := _mark_in(visit.home, cookies.get(name), now)) is not None]
    return next((arn for arn in arns if _mark_of(visit.home, arn) in marks), None) if marks else None


def keep_group(visit: Visit, arn: str, lasting_s: int) -> None:
    _give(visit, GROUP, _mark_of(visit.home, arn), lasting_s)
