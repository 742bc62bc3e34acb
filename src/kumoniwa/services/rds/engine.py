"""What an engine of databases is to RDS: which versions run here, what its servers can be told, and how they are begun, copied and made again.

There is one class for each, such as ``postgres.Postgres``; ``engine_list`` says which there are.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, ClassVar

from kumoniwa.services.rds.errors import InvalidParameterValue
from kumoniwa.services.rds.instance import Instance
from kumoniwa.services.rds.parameter import Parameter

ARCHIVE, HISTORY = "archive", "history"
"""Folders beside an instance's data: what its server wrote down, and what it makes again of another's."""


class Engine(ABC):
    """``server`` is one that ``server_of`` made, ``folder`` that of an instance, in which its server has ``data``. What goes wrong with a
    server is ``engines.database.ServerFailed``, whose text is its last words."""

    name: ClassVar[str]
    """As which customers ask for it."""
    title: ClassVar[str]
    edition: ClassVar[str]
    """As which DescribeDBEngineVersions describes it."""
    licence: ClassVar[str]
    port: ClassVar[int]
    user_most: ClassVar[int]
    password_most: ClassVar[int]
    database_most: ClassVar[int]
    """How long names and passwords may be."""
    reserved_users: ClassVar[frozenset[str]]
    reserved_databases: ClassVar[frozenset[str]]
    reserved_user_prefixes: ClassVar[tuple[str, ...]]
    reserved_database_prefixes: ClassVar[tuple[str, ...]]
    has_clusters: ClassVar[bool] = False
    """Whether its instances are members of clusters."""
    has_replicas: ClassVar[bool] = False
    """Whether its servers can follow each other."""
    logs: ClassVar[Mapping[str, str]]
    """Files of logs: as RDS calls them, and where they lie in an instance's folder."""

    # What runs here ---------------------------------------------------------------------------

    @abstractmethod
    def version(self) -> str:
        """The whole one. Raises NotImplementedHere where no server can run."""

    @abstractmethod
    def major(self) -> str: ...

    def family(self) -> str:
        """That of its parameter groups."""
        return f"{self.name}{self.major()}"

    def option_group(self) -> str:
        return f"default:{self.name}-{self.major().replace('.', '-')}"

    # Parameters -------------------------------------------------------------------------------

    formulas: ClassVar[Mapping[str, str]]
    """RDS's own defaults, where they are not the server's."""

    @abstractmethod
    async def ready(self, golden: Any) -> None:
        """Wait until ``parameters`` can be said."""

    @abstractmethod
    def parameters(self, golden: Any) -> dict[str, Parameter]:
        """All that a server can be told, by name. ``golden`` is the region's maker of first data."""

    def default(self, name: str) -> str | None:
        """What RDS says itself; None where the server's own default stands."""
        return self.formulas.get(name)

    @abstractmethod
    async def check(self, golden: Any, parameter: Parameter, value: str) -> None:
        """Have a server judge a value whose formula is computed. Raises ServerFailed with what it has against it, InvalidParameterValue."""

    @abstractmethod
    def settings(self, instance: Instance, values: Mapping[str, str], known: Mapping[str, float], *, is_fsync: bool) -> dict[str, str]:
        """All that an instance's server reads, where its group has ``values``."""

    @abstractmethod
    def demands_tls(self, values: Mapping[str, str]) -> bool:
        """Whether who speaks plain is refused."""

    # Servers ----------------------------------------------------------------------------------

    @abstractmethod
    def golden(self, folder: str, seal: bytes) -> Any:
        """A region's maker of first data."""

    @abstractmethod
    def server_of(self, folder: str, seal: bytes, on_ended: Callable[[str], None]) -> Any: ...

    @abstractmethod
    async def reload(self, server: Any, settings: dict[str, str], *, demands_tls: bool) -> bool:
        """Have a server read its settings anew while it runs; answers whether it can."""

    @abstractmethod
    def verifier(self, password: str) -> str:
        """What a server keeps of a password, from which nobody can read it."""

    @abstractmethod
    async def furnish(self, server: Any, instance: Instance) -> None:
        """Make what a master user finds in a new instance, or give one that was restored its password."""

    @abstractmethod
    async def set_password(self, server: Any, instance: Instance, verifier: str) -> None:
        """That of the master user."""

    @abstractmethod
    async def connections(self, server: Any) -> int | None:
        """How many sessions customers have; None if the server ended while it was asked."""

    # Copies, and changes made again ---------------------------------------------------------------

    @abstractmethod
    async def copied(self, source: str, target: str) -> None:
        """Copy the data of a server that does not run. Raises ServerFailed."""

    @abstractmethod
    async def write_down(self, folder: str, server: Any) -> None:
        """Have a server write down the last of its changes, so that another can make them again."""

    @abstractmethod
    async def prepare(self, instance: Instance, folder: str, source_folder: str) -> None:
        """Make ready what was copied into an instance's folder, and lay beside it what its server is to make again."""

    @abstractmethod
    async def caught_up(self, server: Any, instance: Instance, folder: str) -> None:
        """Wait until a server has made all changes again, and is one of its own."""

    @abstractmethod
    def is_past_the_last(self, words: str) -> bool:
        """Whether a server says so that it found no change as late as the time that it was to reach."""

    @abstractmethod
    async def forget_changes(self, folder: str, first_copy: str | None, server: Any) -> None:
        """Remove what was written down of changes before a copy, or of all."""


def filtered(known: dict[str, set[str]], Filters: list[dict] | None) -> bool:
    """Whether what has these values passes the filters. Raises InvalidParameterValue for one that does not exist."""
    for each in Filters or ():
        if each["Name"] not in known:
            raise InvalidParameterValue(f"Unrecognized filter name: {each['Name']}")
        if not known[each["Name"]] & set(each["Values"]):
            return False
    return True
