"""What can be wrong with a policy, in AWS's words.

https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html
"""

from __future__ import annotations

from typing import Any, NamedTuple

LEARN_MORE = "https://docs.aws.amazon.com/IAM/latest/UserGuide/access-analyzer-reference-policy-checks.html"
_ANCHORS = {"ERROR": "error", "WARNING": "general-warning", "SECURITY_WARNING": "security-warning", "SUGGESTION": "suggestion"}

_IN_ALL = "We recommend that you specify resource ARNs instead."
_OR_KEY = "We recommend that you specify resource ARNs or add the iam:PassedToService condition key to your statement."
_SLR = "can allow creation of unintended service-linked roles"

TEXTS: dict[str, dict[str, str]] = {
    "ERROR": {
        "ARN_ACCOUNT_NOT_ALLOWED": "The service {service} does not support specifying an account ID in the resource ARN.",
        "ARN_REGION_NOT_ALLOWED": "The service {service} does not support specifying a Region in the resource ARN.",
        "DATA_TYPE_MISMATCH": "The text does not match the expected JSON data type {data_type}.",
        "DUPLICATE_KEYS_WITH_DIFFERENT_CASE": "The condition key {key} appears more than once with different capitalization in the same condition block. Remove the duplicate condition keys.",
        "EMPTY_VARIABLE": "Empty policy variable. Remove the ${{ }} variable structure or provide a variable within the structure.",
        "INVALID_ACTION": "The action {action} does not exist.{suggestion}",
        "INVALID_ARN_ACCOUNT": "The resource ARN account ID {account} is not valid. Provide a 12-digit account ID.",
        "INVALID_ARN_PREFIX": "Add the required prefix (arn) to the resource ARN.",
        "INVALID_ARN_SERVICE_CASE": "Update the service name {service} in the resource ARN to use all lowercase letters.",
        "INVALID_CONDITION_KEY_FORMAT": "The condition key format is not valid. Use the format service:keyname.",
        "INVALID_CONDITION_MULTIPLE_BOOLEAN": "The condition key does not support multiple Boolean values. Use a single Boolean value.",
        "INVALID_CONDITION_OPERATOR": "The condition operator {operator} is not valid. Use a valid condition operator.",
        "INVALID_EFFECT": "The effect {effect} is not valid. Use Allow or Deny.",
        "INVALID_GLOBAL_CONDITION_KEY": "The condition key {key} does not exist. Use a valid condition key.",
        "INVALID_POLICY_ELEMENT": "The policy element {element} is not valid.",
        "INVALID_PRINCIPAL_FORMAT": "The Principal element contents are not valid. Specify a key-value pair in the Principal element.",
        "INVALID_PRINCIPAL_KEY": "The principal key {key} is not valid.",
        "INVALID_SERVICE": "The service {service} does not exist. Use a valid service name.",
        "INVALID_SERVICE_CONDITION_KEY": "The condition key {key} does not exist in the service {service}. Use a valid condition key.",
        "INVALID_SERVICE_IN_ACTION": "The service {service} specified in the action does not exist.{suggestion}",
        "INVALID_VARIABLE_FOR_OPERATOR": "Policy variables can only be used with String and ARN operators.",
        "INVALID_VERSION": "The version {version} is not valid. Use one of the following versions: [2012-10-17, 2008-10-17]",
        "JSON_SYNTAX_ERROR": "Fix the JSON syntax error at index {index} line {line} column {column}.",
        "MISMATCHED_ACTION_FOR_PRINCIPAL": "The {action} action is invalid with the following principal(s): {principals}. Use a SAML provider principal with the sts:AssumeRoleWithSAML action or use an OIDC provider principal with the sts:AssumeRoleWithWebIdentity action. Ensure the provider is Federated if you use either of the two options.",
        "MISSING_ACTION": "Add an Action or NotAction element to the policy statement.",
        "MISSING_ARN_FIELD": "Resource ARNs must include at least {fields} fields in the following structure: arn:partition:service:region:account:resource",
        "MISSING_BRACE_IN_VARIABLE": "The policy variable is missing a closing curly brace. Add }} after the variable text.",
        "MISSING_EFFECT": "Add an Effect element to the policy statement with a value of Allow or Deny.",
        "MISSING_PRINCIPAL": "Add a Principal element to the policy statement.",
        "MISSING_QUALIFIER": "The request context key {key} has multiple values. Use the ForAllValues or ForAnyValue condition key qualifiers in your policy.",
        "MISSING_RESOURCE": "Add a Resource or NotResource element to the policy statement.",
        "MISSING_STATEMENT": "Add a statement to the policy",
        "NULL_WITH_IF_EXISTS": "The Null condition operator cannot be used with the IfExists suffix. Update the operator or the suffix.",
        "PRIVATE_IP_ADDRESS": "aws:SourceIp works only for public IP address ranges. The values for condition key aws:SourceIp include only private IP addresses and will not have the desired effect. Update the value to include only public IP addresses.",
        "PRIVATE_NOT_IP_ADDRESS": "The values for condition key aws:SourceIp include only private IP addresses and has no effect. aws:SourceIp works only for public IP address ranges. Update the value to include only public IP addresses.",
        "ROLE_TRUST_POLICY_SYNTAX_ERROR_NOTPRINCIPAL": "Role trust policies do not support NotPrincipal. Update the policy to use a Principal element instead.",
        "ROLE_TRUST_POLICY_SYNTAX_ERROR_RESOURCE": "Role trust policies apply to the role that they are attached to. You cannot specify a resource. Remove the Resource or NotResource element.",
        "SCP_SYNTAX_ERROR_PRINCIPAL": "SCPs do not support specifying principals. Remove the Principal or NotPrincipal element.",
        "UNIQUE_SIDS_REQUIRED": "Duplicate statement IDs are not supported for this policy type. Update the Sid value.",
        "UNSUPPORTED_ELEMENT_COMBINATION": "The policy elements {one} and {other} can not be used in the same statement. Remove one of these elements.",
        "UNSUPPORTED_GLOBAL_CONDITION_KEY": "The condition key aws:ARN is not supported. Use aws:PrincipalArn or aws:SourceArn instead.",
        "UNSUPPORTED_PRINCIPAL": "The policy type {policy_type} does not support the Principal element. Remove the Principal element.",
        "UNSUPPORTED_SID": "Update the characters in the Sid element to use one of the following character types: [a-z, A-Z, 0-9]",
        "UNSUPPORTED_WILDCARD_IN_PRINCIPAL": "Wildcards (*, ?) are not supported with the principal key {key}. Replace the wildcard with a valid principal value.",
        "VARIABLE_UNSUPPORTED_IN_ELEMENT": "Policy variables are supported in the Resource and Condition elements. Remove the policy variable {variable} from this element.",
        "VARIABLE_UNSUPPORTED_IN_VERSION": "To include variables in your policy, use the policy version 2012-10-17 or later.",
    },
    "WARNING": {
        "CREATE_SLR_WITH_NOT_ACTION_AND_NOT_RESOURCE": f"Using NotAction with NotResource {_SLR} because it allows iam:CreateServiceLinkedRole permissions on multiple resources. {_IN_ALL}",
        "CREATE_SLR_WITH_NOT_RESOURCE": f"Using the iam:CreateServiceLinkedRole action with NotResource {_SLR} for multiple resources. {_IN_ALL}",
        "CREATE_SLR_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": f"Using an action with a wildcard(*) and NotResource {_SLR} because it can allow iam:CreateServiceLinkedRole permissions on multiple resources. {_IN_ALL}",
        "CREATE_SLR_WITH_STAR_IN_ACTION_AND_RESOURCE": f"Using wildcards (*) in the action and the resource {_SLR} because it allows iam:CreateServiceLinkedRole permissions on all resources. {_IN_ALL}",
        "CREATE_SLR_WITH_STAR_IN_RESOURCE": f"Using the iam:CreateServiceLinkedRole action with wildcards (*) in the resource {_SLR}. {_IN_ALL}",
        "CREATE_SLR_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": f"Using a resource with wildcards (*) and NotAction {_SLR} because it allows iam:CreateServiceLinkedRole permissions on all resources. {_IN_ALL}",
        "INVALID_DATE_VALUE": "The date {date} might not resolve as expected. We recommend that you use the YYYY-MM-DD format.",
        "INVALID_ROLE_REFERENCE": "The Principal element includes the IAM role ID {id}. We recommend that you use a role ARN instead.",
        "INVALID_USER_REFERENCE": "The Principal element includes the IAM user ID {id}. We recommend that you use a user ARN instead.",
        "MISSING_VERSION": "We recommend that you specify the Version element to help you with debugging permission issues.",
        "POLICY_SIZE_EXCEEDS_IDENTITY_POLICY_QUOTA": "The {size} characters in the identity policy, excluding whitespace, exceed the {quota} character maximum for inline and managed policies. We recommend that you use multiple granular policies.",
        "TYPE_MISMATCH_BOOLEAN": "Add a valid Boolean value (true or false) for the condition operator {operator}.",
        "TYPE_MISMATCH_DATE": "The date condition operator is used with an invalid value. Specify a valid date using YYYY-MM-DD or other ISO 8601 date/time format.",
        "TYPE_MISMATCH_IP_RANGE": "The condition operator {operator} is used with an invalid IP range value. Specify the IP range in standard CIDR format.",
        "TYPE_MISMATCH_NUMBER": "Add a valid numeric value for the condition operator {operator}.",
        "TYPE_MISMATCH_STRING": "Add a valid base64-encoded string value for the condition operator {operator}.",
        "UNIQUE_SIDS_RECOMMENDED": "We recommend that you use statement IDs that are unique to your policy. Update the Sid value.",
        "WILDCARD_WITHOUT_LIKE_OPERATOR": "Your condition value includes a * or ? character. If you meant to use a wildcard (*, ?), update the condition operator to include Like.",
    },
    "SECURITY_WARNING": {
        "ALLOW_WITH_NOT_PRINCIPAL": "Using Allow with NotPrincipal can be overly permissive. We recommend that you use Principal instead.",
        "FORALLVALUES_WITH_SINGLE_VALUED_KEY": "Using ForAllValues qualifier with the single-valued condition key {key} can be overly permissive. We recommend that you remove ForAllValues:.",
        "MISSING_CONDITION_KEY_FOR_OIDC_PRINCIPAL": "Using an Open ID Connect principal without a condition can be overly permissive. Add condition keys with a prefix that matches your federated OIDC principals to ensure that only the intended identity provider assumes the role.",
        "MISSING_GITHUB_REPO_CONDITION_KEY": "Granting a federated GitHub principal permissions without a condition key can allow more sources to assume the role than you intended. Add the token.actions.githubusercontent.com:sub condition key and specify the branch and repository name in the value.",
        "PASS_ROLE_WITH_NOT_ACTION_AND_NOT_RESOURCE": f"Using NotAction with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources.. {_IN_ALL}",
        "PASS_ROLE_WITH_NOT_RESOURCE": f"Using the iam:PassRole action with NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources. {_IN_ALL}",
        "PASS_ROLE_WITH_STAR_IN_ACTION_AND_NOT_RESOURCE": f"Using an action with a wildcard (*) and NotResource can be overly permissive because it can allow iam:PassRole permissions on multiple resources. {_IN_ALL}",
        "PASS_ROLE_WITH_STAR_IN_ACTION_AND_RESOURCE": f"Using wildcards (*) in the action and the resource can be overly permissive because it allows iam:PassRole permissions on all resources. {_OR_KEY}",
        "PASS_ROLE_WITH_STAR_IN_RESOURCE": f"Using the iam:PassRole action with wildcards (*) in the resource can be overly permissive because it allows iam:PassRole permissions on multiple resources. {_OR_KEY}",
        "PASS_ROLE_WITH_STAR_IN_RESOURCE_AND_NOT_ACTION": f"Using a resource with wildcards (*) and NotAction can be overly permissive because it allows iam:PassRole permissions on all resources. {_OR_KEY}",
    },
    "SUGGESTION": {
        "EMPTY_ARRAY_ACTION": "This statement includes no actions and does not affect the policy. Specify actions.",
        "EMPTY_ARRAY_CONDITION": "There are no values for the condition key {key} and it does not affect the policy. Specify conditions.",
        "EMPTY_ARRAY_CONDITION_FORALLVALUES": "The ForAllValues prefix with an empty condition key matches only if the key {key} is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead.",
        "EMPTY_ARRAY_CONDITION_FORANYVALUE": "The ForAnyValue prefix with an empty condition key {key} never matches the request context and it does not affect the policy. Specify conditions.",
        "EMPTY_ARRAY_CONDITION_IFEXISTS": "The IfExists suffix with an empty condition key matches only if the key {key} is missing from the request context. To determine if the request context is empty, we recommend that you use the Null condition operator with the value of true instead.",
        "EMPTY_ARRAY_PRINCIPAL": "This statement includes no principals and does not affect the policy. Specify principals.",
        "EMPTY_ARRAY_RESOURCE": "This statement includes no resources and does not affect the policy. Specify resources.",
        "EMPTY_OBJECT_CONDITION": "This condition block is empty and it does not affect the policy. Specify conditions.",
        "EMPTY_OBJECT_PRINCIPAL": "This statement includes no principals and does not affect the policy. Specify principals.",
        "EMPTY_SID_VALUE": "Add a value to the empty string in the Sid element.",
        "IMPROVE_IP_RANGE": "The non-zero bits in the IP address after the masked bits are ignored. Replace address with {address}.",
        "NULL_WITH_QUALIFIER": "Avoid using the Null condition operator with the ForAllValues or ForAnyValue qualifiers because they always return a true or false respectively.",
        "PRIVATE_IP_ADDRESS_SUBSET": "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses will not have the desired effect. aws:SourceIp works only for public IP address ranges. To define permissions for private IP ranges, use aws:VpcSourceIp.",
        "PRIVATE_NOT_IP_ADDRESS_SUBSET": "The values for condition key aws:SourceIp include a mix of private and public IP addresses. The private addresses have no effect. aws:SourceIp works only for public IP address ranges. To define permissions for private IP ranges, use aws:VpcSourceIp.",
        "REDUNDANT_ACTION": "The {count} action(s) are redundant because they provide similar permissions. Update the policy to remove the redundant action such as: {action}.",
        "REDUNDANT_RESOURCE": "The {count} resource ARN(s) are redundant because they reference the same resource. Review the use of wildcards (*)",
        "REDUNDANT_STATEMENT": "The statements are redundant because they provide identical permissions. Update the policy to remove the redundant statement.",
        "WILDCARD_IN_SERVICE_NAME": "Avoid using wildcards (*, ?) in the service name because it might grant unintended access to other AWS services with similar names.",
    },
}  # fmt: skip
KINDS = {code: kind for kind, texts in TEXTS.items() for code in texts}


class Issue(NamedTuple):
    code: str
    text: str
    path: tuple[Any, ...]
    """Names and indexes that lead to what it is about."""

    @property
    def kind(self) -> str:
        return KINDS[self.code]

    @property
    def link(self) -> str:
        return f"{LEARN_MORE}#access-analyzer-reference-policy-checks-{_ANCHORS[self.kind]}-{self.code.lower().replace('_', '-')}"


def issue(code: str, path: tuple[Any, ...] = (), /, **named: Any) -> Issue:
    return Issue(code, TEXTS[KINDS[code]][code].format(**named), path)
