"""The intrinsic functions, evaluated once before the deploy and once more when a resource is about to be made.

May: compute any ``Fn::`` over a scope. May not: call AWS or change the template.

The idea: what depends on a resource that does not stand yet is *deferred*: `evaluate` answers it as an intrinsic whose
other arguments are already computed. Evaluated again with a scope that knows the resources, the same function finishes it.
"""

from __future__ import annotations

import base64
import ipaddress
import json
import re
from collections.abc import Callable, Iterator
from typing import Any, Protocol

from kumoniwa.kernel.errors import ValidationError

DEPTH_MAX = 200
TEXT_CHARACTERS_MAX = 4_000_000


class Nothing:
    """``AWS::NoValue``: the property or list member is left out."""


NOTHING = Nothing()
_ABSENT = object()


class Scope(Protocol):
    """What names mean. `ref` and `attribute` answer a value, or an intrinsic for a resource that does not stand yet."""

    def ref(self, name: str) -> Any: ...
    def attribute(self, logical_id: str, attribute: str) -> Any: ...
    def condition(self, name: str) -> bool: ...
    def mapping(self, name: str) -> dict[str, Any] | None: ...
    def export(self, name: str) -> Any: ...
    def zones(self, region: str) -> list[str]: ...


class Drawn:
    """The part of a scope that a drawn template leaves nothing to: conditions, mappings and zones are already resolved in it."""

    def condition(self, name: str) -> bool:
        raise ValidationError(f"Template error: condition {name} was not resolved.")

    def mapping(self, name: str) -> None:
        return None

    def zones(self, region: str) -> list[str]:
        raise ValidationError("Template error: Fn::GetAZs cannot depend on a resource.")


def is_function(value: Any) -> bool:
    return isinstance(value, dict) and len(value) == 1 and (name := next(iter(value))) and (name == "Ref" or name in FUNCTIONS)


def is_deferred(value: Any) -> bool:
    """Whether an evaluated value still holds an intrinsic: one that waits for a resource."""
    if isinstance(value, dict):
        if is_function(value):
            return True
        return any(is_deferred(member) for member in value.values())
    return isinstance(value, list) and any(is_deferred(member) for member in value)


def evaluate(value: Any, scope: Scope, depth: int = 0) -> Any:
    """A value with every intrinsic computed that the scope can compute. May answer `NOTHING`."""
    if depth > DEPTH_MAX:
        raise ValidationError("Template error: intrinsic functions are nested too deeply.")
    if isinstance(value, list):
        members = [evaluate(member, scope, depth + 1) for member in value]
        return [member for member in members if member is not NOTHING]
    if not isinstance(value, dict):
        return value
    if len(value) == 1:
        name, argument = next(iter(value.items()))
        if name == "Ref":
            return scope.ref(_text(argument, "Ref"))
        if name == "Condition" and getattr(scope, "in_condition", False):
            if isinstance(argument, dict) and set(argument) == {"Condition"}:
                # The SAM transform writes the name of a condition twice wrapped, and CloudFormation takes it.
                argument = argument["Condition"]
            if isinstance(argument, str):
                return scope.condition(argument)
        if function := FUNCTIONS.get(name):
            return function(argument, scope, depth + 1)
        if name.startswith("Fn::"):
            raise ValidationError(f"Template format error: Unrecognized intrinsic function {name}")
    members = {key: evaluate(member, scope, depth + 1) for key, member in value.items()}
    return {key: member for key, member in members.items() if member is not NOTHING}


def references(value: Any) -> Iterator[tuple[str, str | None]]:
    """Every ``(logical id, attribute or None)`` that a value names by Ref, GetAtt or Sub, in whichever branch."""
    stack = [value]
    while stack:
        each = stack.pop()
        if isinstance(each, list):
            stack.extend(reversed(each))
        elif isinstance(each, dict):
            name = next(iter(each)) if len(each) == 1 else None
            argument = each.get(name) if name else None
            if name == "Ref" and isinstance(argument, str):
                yield argument, None
            elif name == "Fn::GetAtt":
                target = _get_att_target(argument)
                if isinstance(target[0], str):
                    yield target[0], target[1] if isinstance(target[1], str) else ""
                stack.extend(part for part in target if not isinstance(part, str))
            elif name == "Fn::Sub":
                text, variables = _sub_parts(argument)
                for variable in _variables(text):
                    if variable not in variables:
                        owner, dot, attribute = variable.partition(".")
                        yield owner, attribute if dot else None
                stack.extend(variables.values())
            else:
                stack.extend(reversed(each.values()))


# --- the functions ------------------------------------------------------------------------------------------------


def _text(value: Any, name: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return str(value)
    if not isinstance(value, str):
        raise ValidationError(f"Template error: every {name} object must have a single String value.")
    return value


def _arguments(argument: Any, counts: tuple[int, ...], message: str) -> list[Any]:
    if not isinstance(argument, list) or len(argument) not in counts:
        raise ValidationError(f"Template error: {message}")
    return argument


def _get_att_target(argument: Any) -> tuple[Any, Any]:
    if isinstance(argument, str):
        owner, _, attribute = argument.partition(".")
        return owner, attribute
    if isinstance(argument, list) and len(argument) >= 2 and isinstance(argument[0], str):
        if len(argument) > 2:
            return argument[0], ".".join(_text(part, "Fn::GetAtt") for part in argument[1:])
        return argument[0], argument[1]
    raise ValidationError(
        "Template error: every Fn::GetAtt object requires two non-empty parameters, the resource name and the resource attribute"
    )


def _get_att(argument: Any, scope: Scope, depth: int) -> Any:
    owner, attribute = _get_att_target(argument)
    attribute = evaluate(attribute, scope, depth)
    if is_deferred(attribute):
        return {"Fn::GetAtt": [owner, attribute]}
    return scope.attribute(owner, _text(attribute, "Fn::GetAtt"))


_VARIABLE = re.compile(r"\$\{(!?)([^${}]*)\}")


def _variables(text: str) -> list[str]:
    return [name.strip() for mark, name in _VARIABLE.findall(text) if not mark]


def _sub_parts(argument: Any) -> tuple[str, dict[str, Any]]:
    if isinstance(argument, str):
        return argument, {}
    if (
        isinstance(argument, list)
        and len(argument) == 2
        and isinstance(argument[0], str)
        and isinstance(argument[1], dict)
    ):
        return argument[0], argument[1]
    raise ValidationError(
        "Template error: One or more Fn::Sub intrinsic functions don't specify expected arguments. "
        "Specify a string as first argument, and an optional second argument to specify a mapping of values "
        "to replace in the string"
    )


def _sub(argument: Any, scope: Scope, depth: int) -> Any:
    text, variables = _sub_parts(argument)
    values = {name: evaluate(value, scope, depth) for name, value in variables.items()}
    for name in _variables(text):
        if not name:
            raise ValidationError("Template error: variable names in Fn::Sub syntax must not be empty")
        if name not in values:
            owner, dot, attribute = name.partition(".")
            values[name] = scope.attribute(owner, attribute) if dot else scope.ref(name)
    if is_deferred(values):
        return {"Fn::Sub": [text, values]}
    return filled(text, values)


def filled(text: str, values: dict[str, Any]) -> str:
    """A text of Fn::Sub with the values of its variables."""

    def replace(found: re.Match[str]) -> str:
        mark, name = found.groups()
        if mark:
            return "${" + name + "}"
        value = values[name.strip()]
        return "" if value is NOTHING else _text(value, "Fn::Sub")

    return _bounded(_VARIABLE.sub(replace, text))


def _bounded(text: str) -> str:
    if len(text) > TEXT_CHARACTERS_MAX:
        raise ValidationError("Template error: a value grew beyond the size CloudFormation allows.")
    return text


JOIN_TAKES = (
    "every Fn::Join object requires two parameters, (1) a string delimiter and (2) a list of strings to be joined "
    "or a function that returns a list of strings (such as Fn::GetAZs) to be joined."
)


def _join(argument: Any, scope: Scope, depth: int) -> Any:
    delimiter, members = _arguments(argument, (2,), JOIN_TAKES)
    members = evaluate(members, scope, depth)
    if is_deferred(members):
        return {"Fn::Join": [delimiter, members]}
    if not isinstance(delimiter, str) or not isinstance(members, list):
        raise ValidationError(f"Template error: {JOIN_TAKES}")
    return _bounded(delimiter.join(_text(member, "Fn::Join") for member in members))


def _select(argument: Any, scope: Scope, depth: int) -> Any:
    message = "Fn::Select requires a list argument with two elements: an integer index and a list"  # AWS's own words
    index, members = _arguments(argument, (2,), message)
    index, members = evaluate(index, scope, depth), evaluate(members, scope, depth)
    if is_deferred(index) or is_deferred(members):
        return {"Fn::Select": [index, members]}
    if not isinstance(members, list) or not str(index).isdigit():
        raise ValidationError(f"Template error: {message}")
    if int(index) >= len(members):
        if isinstance(argument[1], list):
            # What the template itself writes is looked at before anything is computed: recorded, localstack/localstack,
            # test_change_set_fn_select.snapshot.json, test_invalid_select_index_type.
            raise ValidationError(f"Template error: {message}")
        raise ValidationError(f"Template error: Fn::Select cannot select nonexistent value at index {index}")
    return members[int(index)]


def _split(argument: Any, scope: Scope, depth: int) -> Any:
    message = (
        "every Fn::Split object requires two parameters, (1) a string delimiter and (2) a string to be split or a "
        "function that returns a string to be split."
    )
    delimiter, text = _arguments(argument, (2,), message)
    text = evaluate(text, scope, depth)
    if is_deferred(text):
        return {"Fn::Split": [delimiter, text]}
    if not isinstance(delimiter, str) or not delimiter or not isinstance(text, str):
        raise ValidationError(f"Template error: {message}")
    return text.split(delimiter)


def _if(argument: Any, scope: Scope, depth: int) -> Any:
    name, then, otherwise = _arguments(argument, (3,), "Fn::If requires a list argument with three elements")
    # The branch that is not taken is never evaluated: it may name what does not exist.
    return evaluate(then if scope.condition(_text(name, "Fn::If")) else otherwise, scope, depth)


def _truth(value: Any, name: str) -> bool:
    if isinstance(value, str) and value in ("true", "false"):
        return value == "true"
    if not isinstance(value, bool):
        raise ValidationError(f"Template error: every {name} object requires a list of boolean conditions")
    return value


def _conditions(argument: Any, scope: Scope, depth: int, name: str) -> list[bool]:
    counts = (1,) if name == "Fn::Not" else tuple(range(2, 11))
    message = f"every {name} object requires a list of " + (
        "1 boolean parameter." if name == "Fn::Not" else "at least 2 and at most 10 boolean parameters."
    )
    members = _arguments(argument, counts, message)
    return [_truth(evaluate(member, scope, depth), name) for member in members]


def _equals(argument: Any, scope: Scope, depth: int) -> bool:
    left, right = _arguments(
        argument, (2,), "every Fn::Equals object requires a list of 2 string parameters."
    )
    left, right = evaluate(left, scope, depth), evaluate(right, scope, depth)
    if isinstance(left, str | int | float) and isinstance(right, str | int | float):
        return _text(left, "Fn::Equals") == _text(right, "Fn::Equals")
    return left == right


def _find_in_map(argument: Any, scope: Scope, depth: int) -> Any:
    message = "every Fn::FindInMap object requires three parameters, the map name, map key and the attribute for return value"
    parts = _arguments(argument, (3, 4), message)
    keys = [evaluate(part, scope, depth) for part in parts[:3]]
    if is_deferred(keys):
        raise ValidationError(f"Template error: {message}")
    name, first, second = (_text(key, "Fn::FindInMap") for key in keys)
    default: Any = _ABSENT
    if len(parts) == 4:
        if not isinstance(parts[3], dict) or set(parts[3]) != {"DefaultValue"}:
            raise ValidationError(f"Template error: {message}")
        default = parts[3]["DefaultValue"]
    mapping = scope.mapping(name)
    # A transform asks before the section has been checked.
    members = mapping.get(first) if isinstance(mapping, dict) else None
    found = members.get(second, _ABSENT) if isinstance(members, dict) else _ABSENT
    if found is not _ABSENT:
        return found
    if default is not _ABSENT:
        return evaluate(default, scope, depth)
    if mapping is None:
        raise ValidationError(
            f"Template error: Mapping named '{name}' is not present in the 'Mappings' section of template."
        )
    raise ValidationError(f"Template error: Unable to get mapping for {name}::{first}::{second}")


def _base64(argument: Any, scope: Scope, depth: int) -> Any:
    text = evaluate(argument, scope, depth)
    if is_deferred(text):
        return {"Fn::Base64": text}
    return base64.b64encode(_text(text, "Fn::Base64").encode()).decode()


def _cidr(argument: Any, scope: Scope, depth: int) -> Any:
    message = "every Fn::Cidr object requires two required parameters, (1) an IP address block and (2) the number of CIDRs"
    parts = [evaluate(part, scope, depth) for part in _arguments(argument, (2, 3), message)]
    if is_deferred(parts):
        return {"Fn::Cidr": parts}
    try:
        block = ipaddress.ip_network(str(parts[0]), strict=False)
        count = int(parts[1])
        host_bits = int(parts[2]) if len(parts) == 3 else 8
        prefix = block.max_prefixlen - host_bits
        if not 1 <= count <= 256 or not block.prefixlen <= prefix <= block.max_prefixlen:
            raise ValueError
        subnets = block.subnets(new_prefix=prefix)
        found = [str(subnet) for subnet, _ in zip(subnets, range(count))]
    except ValueError:
        raise ValidationError(f"Template error: Fn::Cidr with arguments {parts} is invalid") from None
    if len(found) < count:
        raise ValidationError(
            f"Template error: Fn::Cidr requested {count} blocks and only {len(found)} are available in {parts[0]}"
        )
    return found


def _get_azs(argument: Any, scope: Scope, depth: int) -> Any:
    region = evaluate(argument, scope, depth)
    return scope.zones(_text(region, "Fn::GetAZs") or scope.ref("AWS::Region"))


def _import_value(argument: Any, scope: Scope, depth: int) -> Any:
    name = evaluate(argument, scope, depth)
    if is_deferred(name):
        raise ValidationError(
            "Template error: the attribute in Fn::ImportValue must not depend on any resources, imported values, or Fn::GetAZs"
        )
    return scope.export(_text(name, "Fn::ImportValue"))


def _length(argument: Any, scope: Scope, depth: int) -> Any:
    members = evaluate(argument, scope, depth)
    if is_deferred(members):
        return {"Fn::Length": members}
    if not isinstance(members, list):
        raise ValidationError("Template error: Fn::Length requires a list")
    return len(members)


def _to_json(argument: Any, scope: Scope, depth: int) -> Any:
    value = evaluate(argument, scope, depth)
    if is_deferred(value):
        return {"Fn::ToJsonString": value}
    return json.dumps(value, separators=(",", ":"))


FUNCTIONS: dict[str, Callable[[Any, Scope, int], Any]] = {
    "Fn::GetAtt": _get_att,
    "Fn::Sub": _sub,
    "Fn::Join": _join,
    "Fn::Select": _select,
    "Fn::Split": _split,
    "Fn::If": _if,
    "Fn::And": lambda argument, scope, depth: all(_conditions(argument, scope, depth, "Fn::And")),
    "Fn::Or": lambda argument, scope, depth: any(_conditions(argument, scope, depth, "Fn::Or")),
    "Fn::Not": lambda argument, scope, depth: not _conditions(argument, scope, depth, "Fn::Not")[0],
    "Fn::Equals": _equals,
    "Fn::FindInMap": _find_in_map,
    "Fn::Base64": _base64,
    "Fn::Cidr": _cidr,
    "Fn::GetAZs": _get_azs,
    "Fn::ImportValue": _import_value,
    "Fn::Length": _length,
    "Fn::ToJsonString": _to_json,
}
