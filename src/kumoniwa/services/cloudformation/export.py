"""Outputs that other stacks may use: a name belongs to one stack of the account and region, and stays while it is used."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from kumoniwa.deploy.step import Failure
from kumoniwa.kernel.call import Call
from kumoniwa.kernel.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterator


class Export(Record):
    """Shelved by name."""

    name: str
    value: str
    stack: str
    """The ARN of the stack it comes from."""


class Use(Record):
    """The exports one stack uses, shelved by the stack's name."""

    names: tuple[str, ...]


def imported(value: Any) -> Iterator[str]:
    """The names that a drawn template imports."""
    pending = [value]
    while pending:
        value = pending.pop()
        if isinstance(value, dict):
            if len(value) == 1 and isinstance(value.get("Fn::ImportValue"), str):
                yield value["Fn::ImportValue"]
            else:
                pending.extend(value.values())
        elif isinstance(value, list):
            pending.extend(value)


def users(call: Call, name: str) -> list[str]:
    """The names of the stacks that use an export."""
    return sorted(stack for stack, use in call.shelf(Use).items() if name in use.names)


def use(call: Call, stack_name: str, names: set[str]) -> None:
    """From now on the stack uses these exports, and no others."""
    shelf = call.shelf(Use)
    if names:
        shelf[stack_name] = Use(names=tuple(sorted(names)))
    elif stack_name in shelf:
        del shelf[stack_name]


def in_use(call: Call, stack_arn: str) -> str:
    """Why a stack cannot be deleted, or nothing."""
    for export in call.shelf(Export).values():
        if export.stack == stack_arn and (by := users(call, export.name)):
            return f"Export {export.name} cannot be deleted as it is in use by {' and '.join(by)}"
    return ""


def publish(call: Call, stack_arn: str, outputs: dict[str, dict[str, Any]]) -> None:
    """Replace what a stack exports. Raises ``Failure`` for a name that is another's, or a value that is in use."""
    shelf = call.shelf(Export)
    wanted: dict[str, str] = {}
    for output in outputs.values():
        if "Export" not in output:
            continue
        name, value = str(output["Export"]["Name"]), str(output["Value"])
        held = shelf.get(name)
        if name in wanted or held is not None and held.stack != stack_arn:
            owner = held.stack if held is not None else stack_arn
            raise Failure(f"Export with name {name} is already exported by stack {owner.split('/')[1]}")
        wanted[name] = value
    mine = [export for export in shelf.values() if export.stack == stack_arn]
    for export in mine:
        if wanted.get(export.name) != export.value and (by := users(call, export.name)):
            if export.name in wanted:
                raise Failure(f"Cannot update export {export.name} as it is in use by {' and '.join(by)}")
            raise Failure(f"Export {export.name} cannot be deleted as it is in use by {' and '.join(by)}")
    for export in mine:
        if export.name not in wanted:
            del shelf[export.name]
    for name, value in wanted.items():
        shelf[name] = Export(name=name, value=value, stack=stack_arn)


def withdraw(call: Call, stack_arn: str) -> None:
    """A stack is gone, and with it what it exported."""
    shelf = call.shelf(Export)
    for export in list(shelf.values()):
        if export.stack == stack_arn:
            del shelf[export.name]
