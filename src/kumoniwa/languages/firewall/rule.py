"""Rules, the lowest priority first, until one allows or blocks; what none of them ends, the default action does.

https://docs.aws.amazon.com/waf/latest/developerguide/web-acl-processing-order.html
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from kumoniwa.languages.firewall import managed
from kumoniwa.languages.firewall.rate import Rates
from kumoniwa.languages.firewall.statement import Context, Matches, World, add_label, compiled
from kumoniwa.languages.firewall.web_request import Detail, WebRequest

DEFAULT = "Default_Action"
GROUP = "RuleGroupReferenceStatement"
GROUPS = (GROUP, managed.STATEMENT)
TERMINATING = ("Allow", "Block")
HEADER_PREFIX = "x-amzn-waf-"
"""https://docs.aws.amazon.com/waf/latest/developerguide/customizing-the-incoming-request.html"""


class Hit(NamedTuple):
    """A rule that a request met, and what it did."""

    rule: Rule
    action: str
    """Allow, Block or Count."""
    overridden: str = ""
    """The rule's own action, where another was to be used."""
    details: Sequence[Detail] = ()
    """What gave an attack away."""


class Rule:
    """One rule, compiled; ``members`` are those of the group it refers to."""

    def __init__(self, said: dict[str, Any], context: Context, overrides: dict[str, dict[str, Any]]) -> None:
        self.name, self.visibility = said["Name"], said["VisibilityConfig"]
        self.labels = [context.namespace + label["Name"] for label in said.get("RuleLabels") or ()]
        self.group: dict[str, Any] | None = None
        self.group_id = ""
        """As logs call the group."""
        self.is_managed = managed.STATEMENT in said["Statement"]
        self.scope: Matches | None = None
        """What a request must meet to be shown to the group."""
        self.members: list[Rule] = []
        self.is_counted_only = "Count" in (said.get("OverrideAction") or ())
        self.is_excluded = False
        """Whether it was left out of its group the old way, which makes it count."""
        self.kind = "RATE_BASED" if "RateBasedStatement" in said["Statement"] else "REGULAR"
        ((self.action, self.settings),) = (said.get("Action") or {"None": {}}).items()
        self.own_action = ""
        if (override := overrides.get(self.name)) is not None:
            self.own_action = self.action
            ((self.action, self.settings),) = override.items()
        if self.is_managed:
            self.kind = "MANAGED_RULE_GROUP"
            self._take_managed(said["Statement"][managed.STATEMENT], context)
        elif GROUP in said["Statement"]:
            self.kind = "GROUP"
            reference = said["Statement"][GROUP]
            self.group_id = reference["ARN"]
            self._take_group(context.world.group(reference["ARN"]), reference, context)
        else:
            self.matches = compiled(said["Statement"], context._replace(rule=self.name))

    def _take_managed(self, reference: dict[str, Any], context: Context) -> None:
        self.group_id = managed.identity(reference)
        if "ScopeDownStatement" in reference:
            self.scope = compiled(reference["ScopeDownStatement"], context._replace(rule=self.name))
        self._take_group(managed.GROUPS[reference["Name"]].document(), reference, context)

    def _take_group(self, group: dict[str, Any], reference: dict[str, Any], context: Context) -> None:
        self.group = group
        overrides = {each["Name"]: each["ActionToUse"] for each in reference.get("RuleActionOverrides") or ()}
        excluded = {each["Name"] for each in reference.get("ExcludedRules") or ()}
        overrides |= {name: {"Count": {}} for name in excluded}
        inside = context._replace(namespace=self.group["LabelNamespace"])
        self.members = ordered(self.group.get("Rules") or (), inside, overrides)
        for member in self.members:
            member.is_excluded = member.name in excluded

    def inserted(self) -> list[tuple[str, str]]:
        headers = (self.settings.get("CustomRequestHandling") or {}).get("InsertHeaders") or ()
        return [(HEADER_PREFIX + each["Name"], each["Value"]) for each in headers]


def ordered(rules: Iterable[dict[str, Any]], context: Context, overrides: dict[str, dict[str, Any]]) -> list[Rule]:
    return [Rule(each, context, overrides) for each in sorted(rules, key=lambda each: each["Priority"])]


class GroupHits(NamedTuple):
    rule: Rule
    """The one that refers to the group."""
    ending: Hit | None
    counted: list[Hit]


class Verdict:
    """What came of a request."""

    def __init__(self) -> None:
        self.action = ""
        """Allow or Block."""
        self.ending: Hit | None = None
        """The web ACL's rule that ended it; None for the default action."""
        self.inner: Hit | None = None
        """The rule of its group that did, if it refers to one."""
        self.settings: dict[str, Any] = {}
        """Of the action."""
        self.bodies: dict[str, Any] = {}
        """The custom response bodies that its keys mean."""
        self.counted: list[Hit] = []
        self.groups: list[GroupHits] = []
        self.inserted: list[tuple[str, str]] = []

    @property
    def rule(self) -> str:
        return self.ending.rule.name if self.ending is not None else DEFAULT

    @property
    def response(self) -> dict[str, Any] | None:
        return self.settings.get("CustomResponse")


class Ruleset:
    """A web ACL's rules, compiled."""

    def __init__(self, document: dict[str, Any], world: World, before: dict[Any, Rates]) -> None:
        """``before`` is what was counted until the rules were changed."""
        self.rates: dict[Any, Rates] = {}
        context = Context(world, document["LabelNamespace"], "", self.rates, before)
        self.bodies = document.get("CustomResponseBodies") or {}
        self.rules = ordered(document.get("Rules") or (), context, {})
        ((self.default, self.default_settings),) = document["DefaultAction"].items()

    def judge(self, request: WebRequest) -> Verdict:
        verdict = Verdict()
        for rule in self.rules:
            if rule.group is not None:
                ended = self._judge_group(rule, request, verdict)
            else:
                ended = self._judge_rule(rule, request, verdict)
            if ended:
                return verdict
        verdict.action, verdict.settings, verdict.bodies = self.default, self.default_settings, self.bodies
        self._insert_default(verdict)
        return verdict

    def _insert_default(self, verdict: Verdict) -> None:
        headers = (self.default_settings.get("CustomRequestHandling") or {}).get("InsertHeaders") or ()
        verdict.inserted += [(HEADER_PREFIX + each["Name"], each["Value"]) for each in headers]

    def _judge_rule(self, rule: Rule, request: WebRequest, verdict: Verdict) -> bool:
        hit = _met(rule, request, verdict)
        if hit is None:
            return False
        if hit.action not in TERMINATING:
            verdict.counted.append(hit)
            return False
        verdict.action, verdict.ending, verdict.settings, verdict.bodies = hit.action, hit, rule.settings, self.bodies
        return True

    def _judge_group(self, rule: Rule, request: WebRequest, verdict: Verdict) -> bool:
        if rule.scope is not None and not rule.scope(request):
            return False
        counted: list[Hit] = []
        ending = None
        for member in rule.members:
            hit = _met(member, request, verdict)
            if hit is None:
                continue
            if hit.action in TERMINATING:
                ending = hit
                break
            counted.append(hit)
        verdict.groups.append(GroupHits(rule, ending, counted))
        if ending is None:
            return False
        if rule.is_counted_only:
            verdict.counted.append(Hit(rule, "Count", ending.action))
            return False
        verdict.action, verdict.ending, verdict.inner = ending.action, Hit(rule, ending.action), ending
        verdict.settings, verdict.bodies = ending.rule.settings, rule.group.get("CustomResponseBodies") or {}
        if ending.overridden:
            # Who overrides a rule's action words it with the bodies of the web ACL.
            verdict.bodies = {**verdict.bodies, **self.bodies}
        return True


def _met(rule: Rule, request: WebRequest, verdict: Verdict) -> Hit | None:
    request.details = []
    if not rule.matches(request):
        return None
    for label in rule.labels:
        add_label(request, label)
    if rule.action != "Block":
        verdict.inserted += rule.inserted()
    return Hit(rule, rule.action, rule.own_action, request.details)
