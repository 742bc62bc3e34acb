"""The rule groups that AWS manages, written in the language of AWS WAF's own rules.

Names, actions, labels, capacity and the parts of requests are those that AWS documents; the patterns are this project's, from the examples that
AWS gives and from what is known of the attacks, because AWS does not publish its own:
https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-list.html. ``managed_rules`` holds the rules.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.languages.firewall import managed_rules
from kumoniwa.languages.firewall.managed_rules import Known

VENDOR = "AWS"
STATEMENT = "ManagedRuleGroupStatement"


class Group(NamedTuple):
    name: str
    capacity: int
    slug: str
    """In its labels: ``core-rule-set``."""
    version: str
    """The newest static version that is known by name, or the first; there is no other here."""
    updated: float | None
    """When AWS released that, in epoch seconds, where it is known."""
    description: str
    rules: tuple[Known, ...]

    @property
    def namespace(self) -> str:
        return f"awswaf:managed:aws:{self.slug}:"

    def document(self) -> dict[str, Any]:
        """As a rule group that a customer makes."""
        rules = [
            {
                "Name": each.name, "Priority": at, "Action": {"Block": {}}, "Statement": each.statement,
                "RuleLabels": [{"Name": each.label}], "VisibilityConfig": _visible(each.name),
            }
            for at, each in enumerate(self.rules)
        ]  # fmt: skip
        told = {"Name": self.name, "Capacity": self.capacity, "LabelNamespace": self.namespace, "Rules": rules}
        return told | {"VisibilityConfig": _visible(self.name)}


def _visible(metric: str) -> dict[str, Any]:
    return {"SampledRequestsEnabled": True, "CloudWatchMetricsEnabled": True, "MetricName": metric}


_FIRST = "Version_1.0"
GROUPS = {
    each.name: each
    for each in (
        # Versions 1.19 of this and 2.3 of that for SQL: https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-changelog.html
        Group(
            "AWSManagedRulesCommonRuleSet", 700, "core-rule-set", "Version_1.19", 1_755_129_600.0,
            "Contains rules that are generally applicable to web applications. This provides protection against exploitation of a wide range of "
            "vulnerabilities, including those described in OWASP publications.", managed_rules.CORE,
        ),
        Group(
            "AWSManagedRulesAdminProtectionRuleSet", 100, "admin-protection", _FIRST, None,
            "Contains rules that allow you to block external access to exposed admin pages. This may be useful if you are running third-party "
            "software or would like to reduce the risk of a malicious actor gaining administrative access to your application.",
            managed_rules.ADMIN,
        ),
        Group(
            "AWSManagedRulesKnownBadInputsRuleSet", 200, "known-bad-inputs", _FIRST, None,
            "Contains rules that allow you to block request patterns that are known to be invalid and are associated with exploitation or "
            "discovery of vulnerabilities. This can help reduce the risk of a malicious actor discovering a vulnerable application.",
            managed_rules.KNOWN_BAD,
        ),
        Group(
            "AWSManagedRulesSQLiRuleSet", 200, "sql-database", "Version_2.3", None,
            "Contains rules that allow you to block request patterns associated with exploitation of SQL databases, like SQL injection attacks. "
            "This can help prevent remote injection of unauthorized queries.", managed_rules.SQL,
        ),
        Group(
            "AWSManagedRulesLinuxRuleSet", 200, "linux-os", _FIRST, None,
            "Contains rules that block request patterns associated with exploitation of vulnerabilities specific to Linux, including LFI "
            "attacks. This can help prevent attacks that expose file contents or execute code for which the attacker should not have had "
            "access.", managed_rules.LINUX,
        ),
        Group(
            "AWSManagedRulesUnixRuleSet", 100, "posix-os", _FIRST, None,
            "Contains rules that block request patterns associated with exploiting vulnerabilities specific to POSIX/POSIX-like OS, including "
            "LFI attacks. This can help prevent attacks that expose file contents or execute code for which access should not been allowed.",
            managed_rules.POSIX,
        ),
        Group(
            "AWSManagedRulesWindowsRuleSet", 200, "windows-os", _FIRST, None,
            "Contains rules that block request patterns associated with exploiting vulnerabilities specific to Windows, (e.g., PowerShell "
            "commands). This can help prevent exploits that allow attacker to run unauthorized commands or execute malicious code.",
            managed_rules.WINDOWS,
        ),
        Group(
            "AWSManagedRulesPHPRuleSet", 100, "php-app", _FIRST, None,
            "Contains rules that block request patterns associated with exploiting vulnerabilities specific to the use of the PHP, including "
            "injection of unsafe PHP functions. This can help prevent exploits that allow an attacker to remotely execute code or commands.",
            managed_rules.PHP,
        ),
        Group(
            "AWSManagedRulesWordPressRuleSet", 100, "wordpress-app", _FIRST, None,
            "The WordPress Applications group contains rules that block request patterns associated with the exploitation of vulnerabilities "
            "specific to WordPress sites.", managed_rules.WORDPRESS,
        ),
    )
}  # fmt: skip
"""In AWS's order; descriptions as ListAvailableManagedRuleGroups answers them:
https://docs.aws.amazon.com/cli/latest/reference/wafv2/list-available-managed-rule-groups.html"""
NOT_HERE = {
    "AWSManagedRulesAmazonIpReputationList": "which addresses have a bad name only AWS knows",
    "AWSManagedRulesAnonymousIpList": "which addresses hide people only AWS knows",
    "AWSManagedRulesBotControlRuleSet": "it needs puzzles and tokens",
    "AWSManagedRulesATPRuleSet": "it needs AWS's collection of stolen credentials",
    "AWSManagedRulesACFPRuleSet": "it needs AWS's collection of stolen credentials",
    "AWSManagedRulesAntiDDoSRuleSet": "it needs puzzles and tokens",
}
"""And why."""


def identity(statement: dict[str, Any]) -> str:
    """How logs call the group of a statement: ``AWS#name``, with the version if one is named.
    https://docs.aws.amazon.com/waf/latest/developerguide/logging-fields.html"""
    return "#".join((VENDOR, statement["Name"], *((statement["Version"],) if "Version" in statement else ())))
