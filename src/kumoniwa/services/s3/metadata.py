"""What clients tell of their objects in ``x-amz-meta-`` headers, which carry plain ASCII only.

Other text travels in RFC 2047's encoded words. A client may send it so, and is answered so, in the words that JavaMail would choose:
recorded by localstack's test_user_metadata_rfc2047_encoded and test_post_object_with_unicode_metadata.
"""

from __future__ import annotations

import base64
import re
from email.errors import HeaderParseError
from email.header import decode_header, make_header

from kumoniwa.kernel.errors import AwsError

BYTES_MAX = 2048
_UNSAFE = re.compile(r"[^\t\x20-\x7e]")
_SPECIALS = b"=_?"


class MetadataTooLarge(AwsError):
    status = 400
    message = "Your metadata headers exceed the maximum allowed metadata size"


def header_text(value: str) -> str:
    """A header's text: its bytes came as latin-1 and are UTF-8 where they can be."""
    if value.isascii():
        return value
    try:
        return value.encode("latin-1").decode()
    except UnicodeError:
        return value


def received(metadata: dict[str, str], *, in_headers: bool) -> dict[str, str]:
    """Metadata by names in lower case; what came in headers is decoded."""
    kept = {name.lower(): header_text(value) for name, value in metadata.items()}
    size = sum(len(name.encode()) + len(value.encode()) for name, value in kept.items())
    if size > BYTES_MAX:
        raise MetadataTooLarge(Size=size, MaxSizeAllowed=BYTES_MAX)
    return {name: _decoded(value) for name, value in kept.items()} if in_headers else kept


def _decoded(value: str) -> str:
    if "=?" not in value:
        return value
    try:
        return str(make_header(decode_header(value)))
    except (HeaderParseError, LookupError, ValueError):
        return value


def told(metadata: dict[str, str]) -> dict[str, str]:
    return {name: _encoded(value) if _UNSAFE.search(value) else value for name, value in metadata.items()}


def _encoded(value: str) -> str:
    """Quoted where most of it is ASCII, otherwise in base64."""
    if 2 * len(_UNSAFE.findall(value)) >= len(value):
        return f"=?UTF-8?B?{base64.b64encode(value.encode()).decode()}?="
    quoted = (
        "_" if byte == 32 else chr(byte) if 32 < byte < 127 and byte not in _SPECIALS else f"={byte:02X}" for byte in value.encode()
    )
    return f"=?UTF-8?Q?{''.join(quoted)}?="
