"""Security policies: which versions of TLS a listener speaks, with which ciphers. What is told here is what clients meet.

https://docs.aws.amazon.com/elasticloadbalancing/latest/application/describe-ssl-policies.html. Policies for FIPS modules and for
post-quantum key exchange are refused by name: neither is in the TLS library of this machine.
"""

from __future__ import annotations

from typing import NamedTuple

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.elbv2.errors import SSLPolicyNotFoundException

DEFAULT = "ELBSecurityPolicy-2016-08"
"""Of listeners that are not made in the console."""
_GCM = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256")
_SHA256 = ("ECDHE-ECDSA-AES128-SHA256", "ECDHE-RSA-AES128-SHA256")
_SHA = ("ECDHE-ECDSA-AES128-SHA", "ECDHE-RSA-AES128-SHA")
_GCM_256 = ("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-RSA-AES256-GCM-SHA384")
_SHA384 = ("ECDHE-ECDSA-AES256-SHA384", "ECDHE-RSA-AES256-SHA384")
_SHA_256 = ("ECDHE-RSA-AES256-SHA", "ECDHE-ECDSA-AES256-SHA")
_PLAIN_STRONG = ("AES128-GCM-SHA256", "AES128-SHA256", "AES256-GCM-SHA384", "AES256-SHA256")
_PLAIN = ("AES128-GCM-SHA256", "AES128-SHA256", "AES128-SHA", "AES256-GCM-SHA384", "AES256-SHA256", "AES256-SHA")
_TLS_1_3 = ("TLS_AES_128_GCM_SHA256", "TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256")
_SECRET = (*_GCM, *_SHA256, *_SHA, *_GCM_256, *_SHA384, *_SHA_256)
_SECRET_STRONG = (*_GCM, *_SHA256, *_GCM_256, *_SHA384)
_ALL = (*_SECRET, *_PLAIN)


class SecurityPolicy(NamedTuple):
    """``versions`` from the newest to the oldest, ciphers as OpenSSL calls them, the first that a client knows is taken."""

    versions: tuple[str, ...]
    ciphers: tuple[str, ...]


POLICIES = {
    "ELBSecurityPolicy-2016-08": SecurityPolicy(("TLSv1.2", "TLSv1.1", "TLSv1"), _ALL),
    "ELBSecurityPolicy-TLS13-1-2-2021-06": SecurityPolicy(("TLSv1.3", "TLSv1.2"), (*_TLS_1_3, *_SECRET_STRONG)),
    "ELBSecurityPolicy-TLS13-1-2-Res-2021-06": SecurityPolicy(("TLSv1.3", "TLSv1.2"), (*_TLS_1_3, *_GCM, *_GCM_256)),
    "ELBSecurityPolicy-TLS13-1-2-Ext1-2021-06": SecurityPolicy(("TLSv1.3", "TLSv1.2"), (*_TLS_1_3, *_SECRET_STRONG, *_PLAIN_STRONG)),
    "ELBSecurityPolicy-TLS13-1-2-Ext2-2021-06": SecurityPolicy(("TLSv1.3", "TLSv1.2"), (*_TLS_1_3, *_ALL)),
    "ELBSecurityPolicy-TLS13-1-1-2021-06": SecurityPolicy(("TLSv1.3", "TLSv1.2", "TLSv1.1"), (*_TLS_1_3, *_ALL)),
    "ELBSecurityPolicy-TLS13-1-0-2021-06": SecurityPolicy(("TLSv1.3", "TLSv1.2", "TLSv1.1", "TLSv1"), (*_TLS_1_3, *_ALL)),
    "ELBSecurityPolicy-TLS13-1-3-2021-06": SecurityPolicy(("TLSv1.3",), _TLS_1_3),
    "ELBSecurityPolicy-TLS-1-2-2017-01": SecurityPolicy(("TLSv1.2",), (*_SECRET_STRONG, *_PLAIN_STRONG)),
    "ELBSecurityPolicy-TLS-1-1-2017-01": SecurityPolicy(("TLSv1.2", "TLSv1.1"), _ALL),
    "ELBSecurityPolicy-TLS-1-2-Ext-2018-06": SecurityPolicy(("TLSv1.2",), _ALL),
    "ELBSecurityPolicy-FS-2018-06": SecurityPolicy(("TLSv1.2", "TLSv1.1", "TLSv1"), _SECRET),
    "ELBSecurityPolicy-FS-1-1-2019-08": SecurityPolicy(("TLSv1.2", "TLSv1.1"), _SECRET),
    "ELBSecurityPolicy-FS-1-2-2019-08": SecurityPolicy(("TLSv1.2",), _SECRET),
    "ELBSecurityPolicy-FS-1-2-Res-2019-08": SecurityPolicy(("TLSv1.2",), _SECRET_STRONG),
    "ELBSecurityPolicy-FS-1-2-Res-2020-10": SecurityPolicy(("TLSv1.2",), (*_GCM, *_GCM_256)),
    "ELBSecurityPolicy-2015-05": SecurityPolicy(("TLSv1.2", "TLSv1.1", "TLSv1"), _ALL),
}


def checked(name: str) -> str:
    if name in POLICIES:
        return name
    if name.startswith("ELBSecurityPolicy-") and ("-FIPS-" in name or "-PQ-" in name):
        raise NotImplementedHere(f"the security policy {name}")
    raise SSLPolicyNotFoundException(f"SSL policy '{name}' not found")


def DescribeSSLPolicies(call: Call, *, Names: list[str] | None = None, LoadBalancerType: str | None = None) -> dict:
    names = [checked(name) for name in Names] if Names else list(POLICIES)
    return {
        "SslPolicies": [
            {
                "Name": name,
                "SslProtocols": list(POLICIES[name].versions),
                "Ciphers": [{"Name": cipher, "Priority": at} for at, cipher in enumerate(POLICIES[name].ciphers, 1)],
                "SupportedLoadBalancerTypes": ["application", "network"],
            }
            for name in names
        ]
    }
