"""Identifiers, in the shapes AWS gives them."""

from __future__ import annotations

import binascii
import hashlib
import itertools
import os
import random

_LOWER = "abcdefghijklmnopqrstuvwxyz0123456789"
_UPPER = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"


def host_id(request_id: str) -> str:
    """The second id of S3's answers, which AWS's support asks for besides: it follows from the first."""
    return binascii.b2a_base64(request_id.encode(), newline=False).decode()


def of_token(token: str, digits: int) -> str:
    """Of something that is asked for with a token, so that whoever asked knows it before it is there."""
    return hashlib.sha256(token.encode()).hexdigest()[:digits]


class Ids:
    """A source of fresh ids. Seeded in tests, from the operating system's randomness otherwise; its own state, so a fork reseeds."""

    def __init__(self, seed: int | None = None) -> None:
        self.random = random.Random(seed if seed is not None else os.urandom(16))
        # Request ids only need to be unique: a random head and a counter cost a tenth of a uuid4.
        head = f"{self.random.getrandbits(64):016x}"
        self._head = f"{head[:8]}-{head[8:12]}-4{head[13:16]}-"
        self._count = itertools.count(self.random.getrandbits(40))

    def request_id(self) -> str:
        n = next(self._count)
        return f"{self._head}8{(n >> 44) & 0xFFF:03x}-{n & 0xFFFFFFFFFFF:012x}"

    def uuid(self) -> str:
        n = f"{self.random.getrandbits(128):032x}"
        return f"{n[:8]}-{n[8:12]}-4{n[13:16]}-a{n[17:20]}-{n[20:]}"

    def hex(self, digits: int) -> str:
        return f"{self.random.getrandbits(4 * digits):0{digits}x}"

    def lower(self, length: int) -> str:
        """As API Gateway names its APIs: lower-case letters and digits."""
        return "".join(self.random.choices(_LOWER, k=length))

    def upper(self, length: int) -> str:
        """As IAM names its principals: capital letters and 2 to 7."""
        return "".join(self.random.choices(_UPPER, k=length))

    def mixed(self, length: int) -> str:
        """As CloudFormation ends the names it gives: letters of either case and digits."""
        return "".join(self.random.choices(_LOWER + _LOWER[:26].upper(), k=length))

    def secret(self, length: int = 40) -> str:
        """A secret access key."""
        alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
        return "".join(self.random.choices(alphabet, k=length))
