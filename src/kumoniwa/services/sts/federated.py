"""Somebody whom a provider outside of AWS vouches for."""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.gate import tags


class Federated(NamedTuple):
    """Who it is, and what the provider wants the session to carry."""

    provider: str
    subject: str
    session_name: str
    tags: list[dict[str, str]]
    transitive: list[str]
    source_identity: str

    def keys(self) -> dict[str, Any]:
        keys: dict[str, Any] = {"aws:federatedprovider": self.provider, "sts:rolesessionname": self.session_name}
        keys |= tags.of_request("", {"Tags": self.tags}, ("Tags",))
        if self.transitive:
            keys["sts:transitivetagkeys"] = self.transitive
        if self.source_identity:
            keys["sts:sourceidentity"] = self.source_identity
        return keys
