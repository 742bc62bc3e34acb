"""Writes docs/coverage.md from the signatures: declared is implemented, the rest is refused by name.

    make coverage
"""

import sys
from collections.abc import Collection
from pathlib import Path

from kumoniwa.aws import models
from kumoniwa.deploy import types
from kumoniwa.gate.paging import pager_for
from kumoniwa.kernel.operation import load, service_names

PAGE = Path(__file__).parent / "coverage.md"


def _outlived(model: models.Service, handlers: Collection[str]) -> dict[str, str]:
    """Deprecated operations whose requests are those of one that is here, which answers them; its name by theirs."""
    heirs = {(target.method, target.uri): target.operation for target in model.targets if target.operation in handlers}
    gone = (target for target in model.targets if target.is_deprecated and target.operation not in handlers)
    return {target.operation: heirs[target.method, target.uri] for target in gone if (target.method, target.uri) in heirs}


def page() -> str:
    """The whole page as text."""
    lines = [
        "# Coverage",
        "",
        "Made from the signatures by `make coverage`. An operation or parameter that stands here as missing is refused with 501",
        "`NotImplemented` naming it; nothing reports success for work that was not done.",
        "",
        "| service | operations | of AWS's | parameters not implemented |",
        "|---|--:|--:|--:|",
    ]
    details: list[str] = []
    for name in sorted(service_names()):
        model, handlers = models.service(name), load(name).handlers
        absent, partial, outlived = [], [], _outlived(model, handlers)
        for operation in model.operation_names:
            if operation not in handlers:
                if operation not in outlived:
                    absent.append(operation)
                continue
            shape = model.operation(operation).input
            members = set(shape.members) if shape else set()
            pager = pager_for(model.operation(operation), handlers[operation].members)
            missing = sorted(members - handlers[operation].members - (pager.members if pager else frozenset()))
            if missing:
                partial.append((operation, missing))
        count = sum(len(missing) for _, missing in partial)
        lines.append(f"| [{name}](#{name}) | {len(handlers)} | {len(model.operation_names)} | {count} |")
        details += ["", f"## {name}", "", f"Implemented: {', '.join(sorted(handlers))}."]
        if partial:
            details += ["", "Parameters refused: " + "; ".join(f"{op} ({', '.join(missing)})" for op, missing in partial) + "."]
        if outlived:
            told = ", ".join(f"{old} (as {new})" for old, new in sorted(outlived.items()))
            details += ["", f"Answered by what took their place under the same method and path: {told}."]
        if absent:
            details += ["", f"Operations refused: {', '.join(sorted(absent))}."]
    names = ", ".join(f"`{name}`" for name in types.names())
    return "\n".join([*lines, *details, "", "## CloudFormation resource types", "", names + "; and everything SAM makes of them.", ""])


if __name__ == "__main__":
    if "--check" in sys.argv:
        raise SystemExit(0 if PAGE.read_text() == page() else "docs/coverage.md is stale: run `make coverage`")
    PAGE.write_text(page())
