"""Whose Data Catalog is meant, how it is set, and what was never imported into it.

An account has one catalog in each region, whose id is the account's. Catalogs below it (of S3 Tables, Redshift and others) are not built.
"""

from __future__ import annotations

from typing import Any

from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.glue.errors import EntityNotFoundException


def check(call: Call, catalog_id: str | None) -> None:
    """The gate has settled whose account is touched: any other id names no catalog."""
    if catalog_id is not None and catalog_id != call.account:
        raise EntityNotFoundException(f"Catalog {catalog_id} not found.")  # our words


def refuse(call: Call, member: str, said: dict[str, Any], *names: str) -> None:
    """What of a structure is not built is refused by its name."""
    for name in names:
        if said.get(name) not in (None, {}, []):
            raise NotImplementedHere(f"glue:{call.operation}({member}.{name})")


def GetCatalogImportStatus(call: Call, *, CatalogId: str | None = None) -> dict:
    """There was never a catalog of Athena's own to be migrated from, as in every account of AWS made since 2017."""
    check(call, CatalogId)
    return {"ImportStatus": {"ImportCompleted": True}}


_PLAIN = {"EncryptionAtRest": {"CatalogEncryptionMode": "DISABLED"}, "ConnectionPasswordEncryption": {"ReturnConnectionPasswordEncrypted": False}}


def GetDataCatalogEncryptionSettings(call: Call, *, CatalogId: str | None = None) -> dict:
    check(call, CatalogId)
    return {"DataCatalogEncryptionSettings": _PLAIN}


def PutDataCatalogEncryptionSettings(call: Call, *, DataCatalogEncryptionSettings: dict[str, Any], CatalogId: str | None = None) -> None:
    """Nothing is encrypted yet, which alone can be said."""
    check(call, CatalogId)
    said = DataCatalogEncryptionSettings
    mode = said.get("EncryptionAtRest", {}).get("CatalogEncryptionMode", "DISABLED")
    if mode != "DISABLED":
        raise NotImplementedHere(f"glue:PutDataCatalogEncryptionSettings(CatalogEncryptionMode={mode})")
    if said.get("ConnectionPasswordEncryption", {}).get("ReturnConnectionPasswordEncrypted"):
        raise NotImplementedHere("glue:PutDataCatalogEncryptionSettings(ConnectionPasswordEncryption)")
