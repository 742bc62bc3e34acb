"""How an account's traces are encrypted: by AWS's own key, or under one of the account's.

Whoever configures the key gives X-Ray a grant, by which it encrypts; who looks at traces uses the key himself, through X-Ray. What came
before the key, or under another, stays as it came. Of an encryption context AWS says nothing, and there is none.
https://docs.aws.amazon.com/xray/latest/devguide/xray-console-encryption.html and …/security_iam_service-with-iam.html#xray-permissions-encryption
"""

from __future__ import annotations

from functools import partial

from kumoniwa.gate import data_key as data_keys
from kumoniwa.gate.key_chain import OPEN, Chain, Lock, refused_as
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import AwsError
from kumoniwa.kernel.record import Record
from kumoniwa.services.xray.errors import InvalidRequestException

SERVICE = "xray.amazonaws.com"
OF = "traces of X-Ray"
UPDATING_S = 120.0
"""At AWS's pace, "some time"."""
_GRANTED = ["Encrypt", "Decrypt", "GenerateDataKey", "DescribeKey", "RetireGrant"]


class Encryption(Record):
    """Shelved under ``account``, once it was configured."""

    key: str = ""
    """An ARN."""
    grant: str = ""
    settled: float = 0.0


_in_words_of_xray = partial(refused_as, InvalidRequestException, "AccessDeniedException")


def _held(call: Call) -> Encryption:
    return call.shelf(Encryption).get("account") or Encryption()


def keeping(call: Call) -> Lock:
    """What traces go through on their way to the disk: X-Ray itself encrypts."""
    held = _held(call)
    return _ours(call, held) if held.key else OPEN


def _ours(call: Call, held: Encryption) -> Lock:
    return Lock(Chain(OF, held.key, {}, _in_words_of_xray, is_direct=True), call.acting(SERVICE))


def looking(call: Call) -> Lock:
    """What they go through for whoever looks at them."""
    return Lock(Chain(OF, "", {}, _in_words_of_xray), call)


async def _granted(call: Call, key: str) -> Encryption:
    with _in_words_of_xray():
        described = await data_keys.described(call, key)
        leave = {"GranteePrincipal": SERVICE, "RetiringPrincipal": SERVICE, "Operations": _GRANTED}
        grant = await data_keys.ask_kms(call, "CreateGrant", KeyId=described["Arn"], **leave)
    return Encryption(key=described["Arn"], grant=grant["GrantId"], settled=_settled(call))


def _settled(call: Call) -> float:
    return call.now() + (UPDATING_S if call.home.settings.pace == "real" else 0.0)


async def _retire(call: Call, held: Encryption) -> None:
    try:
        await call.acting(SERVICE).ask("kms:RetireGrant", KeyId=held.key, GrantId=held.grant)
    except AwsError:
        return  # the key is gone, or the grant was revoked


async def PutEncryptionConfig(call: Call, *, Type: str, KeyId: str | None = None) -> dict:
    if (Type == "KMS") != bool(KeyId):
        raise InvalidRequestException("KeyId must be specified for the type KMS, and for that one only.")
    fresh = await _granted(call, KeyId) if KeyId else Encryption(settled=_settled(call))
    if fresh.key:
        lock = _ours(call, fresh)
        await data_keys.opening(call, lambda: lock.chain.current(lock.speaker))
    before = _held(call)
    call.atomically(partial(call.shelf(Encryption).__setitem__, "account", fresh))
    if before.grant:
        call.home.spawn(_retire(call, before))
    return {"EncryptionConfig": _shown(fresh) | {"Status": "UPDATING"}}


def _shown(held: Encryption) -> dict[str, str]:
    return {"Type": "KMS", "KeyId": held.key} if held.key else {"Type": "NONE"}


def GetEncryptionConfig(call: Call) -> dict:
    held = _held(call)
    return {"EncryptionConfig": _shown(held) | {"Status": "ACTIVE" if held.settled <= call.now() else "UPDATING"}}
