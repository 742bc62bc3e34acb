"""Web ACLs of statements made by chance, and requests made by chance before them: a web ACL is taken or refused in AWS's form, and every
request is answered, by the API or by the wall."""

from __future__ import annotations

import random
import string

from botocore.exceptions import ClientError
from services.firewall_workshop import Shop, visible

from kumoniwa.languages.firewall.transformation import TRANSFORMS

CASES, REQUESTS = 150, 4
TEXTS = ["a", "evil", "%65vil", "\\u0065", "0x6576", "&#x65;", "ZXZpbA==", "/../x//y/", "é", "\0", "{", '{"a": [1, {"b": null}]}', "[[[[", "'; --", "x" * 300]
SCOPES = ["ALL", "KEY", "VALUE"]
FORWARDED = {"HeaderName": "X-Forwarded-For", "FallbackBehavior": "MATCH"}


class Chance:
    def __init__(self, seed: int, addresses: str, patterns: str) -> None:
        self.random, self.addresses, self.patterns = random.Random(seed), addresses, patterns

    def one(self, *choices):
        return self.random.choice(choices)

    def some(self, make, least: int = 0, most: int = 3) -> list:
        return [make() for _ in range(self.random.randint(least, most))]

    def text(self) -> str:
        return self.one(*TEXTS, "".join(self.random.choices(string.printable, k=self.random.randint(0, 9))))

    def transformations(self) -> list[dict]:
        return [{"Priority": at, "Type": kind} for at, kind in enumerate(self.some(lambda: self.one(*TRANSFORMS, "SHA256"), 1))]

    def pattern(self, kind: str) -> dict:
        return self.one({"All": {}}, {f"Included{kind}": ["a", "host"]}, {f"Excluded{kind}": ["a"]}, {})

    def field(self) -> dict:
        oversize = {"OversizeHandling": self.one("MATCH", "NO_MATCH", "CONTINUE")}
        json_body = {"MatchPattern": self.one({"All": {}}, {"IncludedPaths": ["/a", "/a/1/b"]}), "MatchScope": self.one(*SCOPES), **oversize}
        if self.one(True, False):
            json_body["InvalidFallbackBehavior"] = self.one("MATCH", "NO_MATCH", "EVALUATE_AS_STRING")
        return self.one(
            {"UriPath": {}}, {"QueryString": {}}, {"Method": {}}, {"Body": oversize}, {"JsonBody": json_body}, {"AllQueryArguments": {}},
            {"SingleHeader": {"Name": "a"}}, {"SingleQueryArgument": {"Name": "A"}}, {"HeaderOrder": oversize}, {},
            {"Headers": {"MatchPattern": self.pattern("Headers"), "MatchScope": self.one(*SCOPES), **oversize}},
            {"Cookies": {"MatchPattern": self.pattern("Cookies"), "MatchScope": self.one(*SCOPES), **oversize}},
        )  # fmt: skip

    def compared(self, **more) -> dict:
        return {"FieldToMatch": self.field(), "TextTransformations": self.transformations(), **more}

    def rate(self, depth: int) -> dict:
        keys = [{"HTTPMethod": {}}, {"UriPath": {"TextTransformations": self.transformations()}}, {"IP": {}}, {"LabelNamespace": {"Namespace": "a:"}},
                {"Header": {"Name": "a", "TextTransformations": self.transformations()}}, {"ForwardedIP": {}}]  # fmt: skip
        said = {"Limit": self.one(10, 100), "AggregateKeyType": self.one("IP", "FORWARDED_IP", "CUSTOM_KEYS", "CONSTANT")}
        said |= {"CustomKeys": self.random.sample(keys, 2)} if self.one(True, False) else {}
        said |= {"ForwardedIPConfig": FORWARDED} if self.one(True, False) else {}
        return said | ({"ScopeDownStatement": self.statement(depth + 1)} if self.one(True, False) else {})

    def statement(self, depth: int = 0) -> dict:
        kinds = ["bytes", "regex", "size", "address", "place", "label", "set"] + (["and", "or", "not", "rate", "none"] if depth < 3 else [])
        kind = self.one(*kinds)
        if kind == "bytes":
            how = self.one("EXACTLY", "STARTS_WITH", "ENDS_WITH", "CONTAINS", "CONTAINS_WORD")
            return {"ByteMatchStatement": self.compared(SearchString=self.text().encode(), PositionalConstraint=how)}
        if kind == "regex":
            return {"RegexMatchStatement": self.compared(RegexString=self.one(r"a+", "(", "[^a-z]", r"(?i)EVIL", "(?=a)", "(a|b)*$", "a{2,5000}", self.text() or "a"))}
        if kind == "set":
            return {"RegexPatternSetReferenceStatement": self.compared(ARN=self.patterns)}
        if kind == "size":
            return {"SizeConstraintStatement": self.compared(ComparisonOperator=self.one("EQ", "NE", "LE", "LT", "GE", "GT"), Size=self.one(0, 3, 10_000))}
        if kind == "address":
            config = {"IPSetForwardedIPConfig": {**FORWARDED, "Position": self.one("FIRST", "LAST", "ANY")}} if self.one(True, False) else {}
            return {"IPSetReferenceStatement": {"ARN": self.one(self.addresses, self.patterns), **config}}
        if kind == "place":
            return {"GeoMatchStatement": {"CountryCodes": ["DE", "US"], **({"ForwardedIPConfig": FORWARDED} if self.one(True, False) else {})}}
        if kind == "label":
            return {"LabelMatchStatement": {"Scope": self.one("LABEL", "NAMESPACE"), "Key": self.one("a", "a:", "awswaf:clientip:geo:")}}
        if kind == "rate":
            return {"RateBasedStatement": self.rate(depth)}
        if kind == "not":
            return {"NotStatement": {"Statement": self.statement(depth + 1)}}
        if kind == "none":
            return {}
        return {f"{kind.capitalize()}Statement": {"Statements": self.some(lambda: self.statement(depth + 1), 1)}}

    def rules(self) -> list[dict]:
        actions = [{"Block": {}}, {"Allow": {}}, {"Count": {}}]
        return [
            {"Name": f"r{at}", "Priority": at, "Statement": self.statement(), "VisibilityConfig": visible(f"r{at}"), "Action": self.one(*actions),
             "RuleLabels": [{"Name": "a:b"}]}
            for at in range(self.random.randint(1, 4))
        ]  # fmt: skip

    def ask(self, shop: Shop) -> int:
        visible_text = "".join(each for each in self.text() if each.isprintable() and ord(each) < 256)
        headers = {"A": visible_text, "Cookie": f"a={visible_text}; b", "X_Forwarded_For": self.one("192.0.2.1", "x", "2001:db8::1, 10.0.0.1", "")}
        path = f"/{visible_text.replace('?', '').replace(' ', '%20')}?a={visible_text.replace(' ', '+')}&b"
        return shop.status(path, self.one("GET", "POST", "PUT"), body=self.text().encode(), **headers)


def test_walls_made_by_chance_stand_or_are_refused_and_always_answer(cloud, capfd):
    shop, waf = Shop(cloud), cloud.client("wafv2")
    addresses = waf.create_ip_set(Name="a", Scope="REGIONAL", IPAddressVersion="IPV4", Addresses=["192.0.2.0/24"])["Summary"]["ARN"]
    patterns = waf.create_regex_pattern_set(Name="p", Scope="REGIONAL", RegularExpressionList=[{"RegexString": "ev.l"}])["Summary"]["ARN"]
    taken, statuses = 0, set()
    for seed in range(CASES):
        chance = Chance(seed, addresses, patterns)
        try:
            made = waf.create_web_acl(
                Name=f"w{seed}", Scope="REGIONAL", DefaultAction={"Allow": {}}, VisibilityConfig=visible(f"w{seed}"), Rules=chance.rules()
            )["Summary"]
        except ClientError as error:
            assert error.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 501), (seed, error)
            continue
        waf.associate_web_acl(WebACLArn=made["ARN"], ResourceArn=shop.arn)
        taken += 1
        for _ in range(REQUESTS):
            status = chance.ask(shop)
            assert status in (200, 403), (seed, status)
            statuses.add(status)
    assert taken > CASES / 5 and statuses == {200, 403}
    assert "Traceback" not in capfd.readouterr().err
