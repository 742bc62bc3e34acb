"""Messages of the AWS Encryption SDK, written: a text under a data key of KMS, signed by a key that was made for it.

The form is the first version of the format with the suite 0378, AES-256-GCM with HKDF-SHA384 and ECDSA over P-384, in frames of 4096 bytes:
what Amazon Cognito was seen to write. https://docs.aws.amazon.com/encryption-sdk/latest/developer-guide/message-format.html
"""

from __future__ import annotations

import base64
import os
from typing import NamedTuple

SIGNER = "aws-crypto-public-key"
"""In the encryption context: the public key by which the message is proved."""
_SUITE, _FRAME_BYTES, _NONCE_BYTES, _TAG_BYTES = bytes.fromhex("0378"), 4_096, 12, 16
_KIND = b"AWSKMSEncryptionClient Final Frame"


class Wrapped(NamedTuple):
    """A data key as KMS gave it."""

    key_arn: str
    ciphertext: bytes
    secret: bytes


def _told(body: bytes) -> bytes:
    return len(body).to_bytes(2, "big") + body


class Message:
    """One text to be sealed. Its ``context`` holds the public key, so that the data key is asked for with it."""

    def __init__(self, context: dict[str, str]) -> None:
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415 - heavy, and few pools send so
        from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat  # noqa: PLC0415

        self._signer = ec.generate_private_key(ec.SECP384R1())
        public = self._signer.public_key().public_bytes(Encoding.X962, PublicFormat.CompressedPoint)
        self.context = {**context, SIGNER: base64.b64encode(public).decode()}

    def sealed(self, data_key: Wrapped, text: bytes) -> bytes:
        """At most one frame of text."""
        from cryptography.hazmat.primitives import hashes  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric import ec  # noqa: PLC0415
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM  # noqa: PLC0415
        from cryptography.hazmat.primitives.kdf.hkdf import HKDF  # noqa: PLC0415

        if len(text) > _FRAME_BYTES:
            raise ValueError("a text of more than one frame")
        id_ = os.urandom(16)
        pairs = sorted((name.encode(), value.encode()) for name, value in self.context.items())
        context = len(pairs).to_bytes(2, "big") + b"".join(_told(name) + _told(value) for name, value in pairs)
        keys = (1).to_bytes(2, "big") + _told(b"aws-kms") + _told(data_key.key_arn.encode()) + _told(data_key.ciphertext)
        head = b"\x01\x80" + _SUITE + id_ + _told(context) + keys + b"\x02" + bytes(4) + bytes([_NONCE_BYTES]) + _FRAME_BYTES.to_bytes(4, "big")
        gcm = AESGCM(HKDF(hashes.SHA384(), 32, None, _SUITE + id_).derive(data_key.secret))
        proof = bytes(_NONCE_BYTES) + gcm.encrypt(bytes(_NONCE_BYTES), b"", head)
        number, nonce = (1).to_bytes(4, "big"), (1).to_bytes(_NONCE_BYTES, "big")
        body = gcm.encrypt(nonce, text, id_ + _KIND + number + len(text).to_bytes(8, "big"))
        frame = b"\xff\xff\xff\xff" + number + nonce + len(text).to_bytes(4, "big") + body
        signed = head + proof + frame
        return signed + _told(self._signer.sign(signed, ec.ECDSA(hashes.SHA384())))
