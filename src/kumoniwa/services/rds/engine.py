"""Which database engines there are, in which versions: those that really run here."""

from __future__ import annotations

from typing import Any

from kumoniwa.engines.postgresql import golden
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.errors import NotImplementedHere
from kumoniwa.services.rds import classes
from kumoniwa.services.rds.errors import InvalidParameterCombination, InvalidParameterValue

POSTGRES = "postgres"
NOT_BUILT = frozenset({
    "aurora-mysql", "aurora-postgresql", "custom-oracle-ee", "custom-oracle-ee-cdb", "custom-oracle-se2", "custom-oracle-se2-cdb",
    "custom-sqlserver-dev",
    "custom-sqlserver-ee", "custom-sqlserver-se", "custom-sqlserver-web", "db2-ae", "db2-se", "mariadb", "mysql", "neptune", "docdb",
    "oracle-ee", "oracle-ee-cdb",
    "oracle-se2", "oracle-se2-cdb", "sqlserver-dev-ee", "sqlserver-ee", "sqlserver-ex", "sqlserver-se", "sqlserver-web",
})  # fmt: skip
"""The model's documentation names them: CreateDBInstance, Engine."""


def checked(name: str) -> str:
    if name in NOT_BUILT:
        raise NotImplementedHere(f"databases of the engine {name}")
    if name != POSTGRES:
        # Seen of AWS: moto's test_rds.py.
        raise InvalidParameterValue(f"Value {name} for parameter Engine is invalid. Reason: engine {name} not supported")
    return name


def major() -> str:
    return golden.version().partition(".")[0]


def family() -> str:
    return f"{POSTGRES}{major()}"


def checked_version(call: Call, asked: str | None) -> str:
    """The version that will run. Of the one here, its major number is enough to say, as on AWS; any other is refused as AWS refuses one that it does
    not have, but for ``--lenient``, which runs the one here and says so in every answer."""
    here = golden.version()
    if asked in (None, "", here, major()) or call.home.settings.is_lenient:
        return here
    raise InvalidParameterCombination(
        f"Cannot find version {asked} for {POSTGRES}",
        hint=f"This cloud runs PostgreSQL {here}; with --lenient it does so whatever version is asked for.",
    )


def _is_wanted(Engine: str | None, EngineVersion: str | None, family_asked: str | None = None) -> bool:
    return Engine in (None, POSTGRES) and EngineVersion in (None, golden.version(), major()) and family_asked in (None, family())


def filtered(known: dict[str, set[str]], Filters: list[dict] | None) -> bool:
    """Whether what has these values passes the filters. Raises InvalidParameterValue for one that does not exist."""
    for each in Filters or ():
        if each["Name"] not in known:
            raise InvalidParameterValue(f"Unrecognized filter name: {each['Name']}")
        if not known[each["Name"]] & set(each["Values"]):
            return False
    return True


def DescribeDBEngineVersions(
    call: Call, *, Engine: str | None = None, EngineVersion: str | None = None, DBParameterGroupFamily: str | None = None,
    Filters: list[dict] | None = None, DefaultOnly: bool | None = None, ListSupportedCharacterSets: bool | None = None,
    ListSupportedTimezones: bool | None = None, IncludeAll: bool | None = None,
) -> dict:  # fmt: skip
    """Only what runs here: an engine that AWS has besides is not told."""
    if not _is_wanted(Engine, EngineVersion, DBParameterGroupFamily):
        return {"DBEngineVersions": []}
    known = {
        "db-parameter-group-family": {family()}, "engine": {POSTGRES}, "engine-mode": {"provisioned"}, "engine-version": {golden.version()},
        "status": {"available"},
    }  # fmt: skip
    if not filtered(known, Filters):
        return {"DBEngineVersions": []}
    shown: dict[str, Any] = {
        "Engine": POSTGRES, "MajorEngineVersion": major(), "EngineVersion": golden.version(), "DBParameterGroupFamily": family(),
        "DBEngineDescription": "PostgreSQL", "DBEngineVersionDescription": f"PostgreSQL {golden.version()}", "ValidUpgradeTarget": [],
        "ExportableLogTypes": [], "SupportsLogExportsToCloudwatchLogs": False, "SupportsReadReplica": False, "SupportedFeatureNames": [],
        "Status": "available", "SupportsParallelQuery": False, "SupportsGlobalDatabases": False, "SupportsBabelfish": False,
        "SupportsLimitlessDatabase": False, "SupportsCertificateRotationWithoutRestart": False, "SupportedCACertificateIdentifiers": [CERTIFICATE],
        "SupportsLocalWriteForwarding": False, "SupportsIntegrations": False,
    }  # fmt: skip
    return {"DBEngineVersions": [shown]}


CERTIFICATE = "rds-ca-rsa2048-g1"
"""By which name the authority is told, whichever one it is; here it is the cloud's own."""
STORAGE_TYPES = ("gp2", "gp3", "io1", "io2", "standard")


def DescribeOrderableDBInstanceOptions(
    call: Call, *, Engine: str, EngineVersion: str | None = None, DBInstanceClass: str | None = None, LicenseModel: str | None = None,
    AvailabilityZoneGroup: str | None = None, Vpc: bool | None = None, Filters: list[dict] | None = None,
) -> dict:  # fmt: skip
    checked(Engine)
    if not _is_wanted(Engine, EngineVersion) or LicenseModel not in (None, "postgresql-license") or Vpc is False or AvailabilityZoneGroup:
        return {"OrderableDBInstanceOptions": []}
    zones = [{"Name": f"{call.region}{letter}"} for letter in "abc"]
    found = []
    for name in classes.all_classes():
        for storage in ("gp2", "gp3") if DBInstanceClass in (None, name) else ():
            found.append({
                "Engine": POSTGRES, "EngineVersion": golden.version(), "DBInstanceClass": name, "LicenseModel": "postgresql-license",
                "AvailabilityZones": zones, "MultiAZCapable": False, "ReadReplicaCapable": False, "Vpc": True, "SupportsStorageEncryption": False,
                "StorageType": storage, "SupportsIops": storage == "gp3", "SupportsEnhancedMonitoring": False,
                "SupportsIAMDatabaseAuthentication": False,
                "SupportsPerformanceInsights": False, "MinStorageSize": 20 if storage == "gp3" else 5, "MaxStorageSize": 65_536,
                "AvailableProcessorFeatures": [], "SupportedEngineModes": ["provisioned"], "SupportsStorageAutoscaling": False,
                "SupportsKerberosAuthentication": False,
                "OutpostCapable": False, "SupportedActivityStreamModes": [], "SupportsGlobalDatabases": False, "SupportsClusters": False,
                "SupportedNetworkTypes": ["IPV4"], "SupportsStorageThroughput": storage == "gp3", "SupportsDedicatedLogVolume": False,
            })  # fmt: skip
    if not found and DBInstanceClass is not None:
        classes.of(DBInstanceClass)
    return {"OrderableDBInstanceOptions": found}
