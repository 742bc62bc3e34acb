"""The operations of Systems Manager. What acts on nodes (commands, sessions, inventory, patches) is refused by name."""

from kumoniwa.services.ssm.access import conditions_of, resource_of  # noqa: F401 (the gate's hooks)
from kumoniwa.services.ssm.reading import (
    DescribeParameters,
    GetParameter,
    GetParameterHistory,
    GetParameters,
    GetParametersByPath,
)
from kumoniwa.services.ssm.tag import AddTagsToResource, ListTagsForResource, RemoveTagsFromResource
from kumoniwa.services.ssm.writing import (
    DeleteParameter,
    DeleteParameters,
    LabelParameterVersion,
    PutParameter,
    UnlabelParameterVersion,
)

__all__ = [
    "AddTagsToResource", "DeleteParameter", "DeleteParameters", "DescribeParameters", "GetParameter", "GetParameterHistory", "GetParameters",
    "GetParametersByPath", "LabelParameterVersion", "ListTagsForResource", "PutParameter", "RemoveTagsFromResource", "UnlabelParameterVersion",
]  # fmt: skip
