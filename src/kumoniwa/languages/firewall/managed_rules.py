"""The rules of AWS's managed rule groups: what each looks at as AWS documents it, and what it looks for as far as it is known.

https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-baseline.html and …-use-case.html list them; text
transformations follow https://docs.aws.amazon.com/waf/latest/developerguide/aws-managed-rule-groups-changelog.html where it names them.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from kumoniwa.languages.firewall.sql_injection import SIGNATURES

Statement = dict[str, Any]


class Known(NamedTuple):
    """A rule: it blocks what meets its statement, and labels it."""

    name: str
    label: str
    statement: Statement


_ALL: dict[str, Any] = {"MatchPattern": {"All": {}}, "OversizeHandling": "CONTINUE"}
ARGUMENTS, QUERY, PATH, METHOD = {"AllQueryArguments": {}}, {"QueryString": {}}, {"UriPath": {}}, {"Method": {}}
BODY = {"Body": {"OversizeHandling": "CONTINUE"}}
COOKIES, HEADERS = {"Cookies": {**_ALL, "MatchScope": "VALUE"}}, {"Headers": {**_ALL, "MatchScope": "ALL"}}
_ONCE, _TWICE = ("URL_DECODE_UNI",), ("URL_DECODE_UNI", "URL_DECODE_UNI")
_PATHS = ("URL_DECODE_UNI", "NORMALIZE_PATH_WIN", "URL_DECODE_UNI")


def _transformed(transforms: tuple[str, ...]) -> list[dict[str, Any]]:
    return [{"Priority": at, "Type": kind} for at, kind in enumerate(transforms or ("NONE",))]


def _regex(pattern: str, field: dict[str, Any], *transforms: str) -> Statement:
    said = {"RegexString": pattern, "FieldToMatch": field, "TextTransformations": _transformed(transforms)}
    return {"RegexMatchStatement": said}


def _over(size: int, field: dict[str, Any]) -> Statement:
    said = {"FieldToMatch": field, "ComparisonOperator": "GT", "Size": size, "TextTransformations": _transformed(())}
    return {"SizeConstraintStatement": said}


def _script(field: dict[str, Any]) -> Statement:
    return {"XssMatchStatement": {"FieldToMatch": field, "TextTransformations": _transformed(_ONCE)}}


def _sql(field: dict[str, Any]) -> Statement:
    return {"SqliMatchStatement": {"FieldToMatch": field, "TextTransformations": _transformed(_ONCE), "SensitivityLevel": "LOW"}}


def _header(name: str) -> dict[str, Any]:
    return {"SingleHeader": {"Name": name}}


# Core --------------------------------------------------------------------------------------------------------------

_BOTS = (
    r"(?i)\b(?:nessus|nmap|nikto|sqlmap|masscan|acunetix|netsparker|dirbuster|gobuster|wpscan|openvas|arachni|w3af|zgrab|nuclei|havij|"
    r"webinspect|paros|whatweb|wfuzz|ffuf|hydra|skipfish|vega|appscan|qualys|jorgee|morfeus|zmeu)\b"
)
_METADATA = (
    r"(?i)(?:^|[^0-9.])169\.254\.(?:169\.254|170\.2)(?:[^0-9.]|$)|0xa9fea9fe|\b2852039166\b|0251\.0376\.0251\.0376|"
    r"fd00:ec2::254|\binstance-data(?:\.ec2\.internal)?/latest|/latest/meta-data/"
)
_TRAVERSAL = r"(?:\.\.[\\/]+){2,}|(?:^|[\\/=])\.\.[\\/]+(?:etc|proc|var|usr|home|root|windows|winnt|boot\.ini|web-inf)\b"
_EXTENSIONS = r"(?i)\.(?:log|ini|bak|backup|old|orig|conf|config|cfg|cnf|sql|mdb|bat|cmd|dll|sys|inc|lnk|reg|swp|pem|key|pfx|htaccess|htpasswd)"
_REMOTE = r"(?i)\b(?:https?|ftps?|file)://(?:\d{1,3}\.){3}\d{1,3}(?:[^0-9.]|$)"

CORE = (
    # A request that lacks the header has no size of it either.
    Known("NoUserAgent_HEADER", "NoUserAgent_Header", {"NotStatement": {"Statement": _regex("", _header("user-agent"))}}),
    Known("UserAgent_BadBots_HEADER", "BadBots_Header", _regex(_BOTS, _header("user-agent"))),
    Known("SizeRestrictions_QUERYSTRING", "SizeRestrictions_QueryString", _over(2_048, QUERY)),
    Known("SizeRestrictions_Cookie_HEADER", "SizeRestrictions_Cookie_Header", _over(10_240, _header("cookie"))),
    # A body that is too large to be looked at is larger than this in any case.
    Known("SizeRestrictions_BODY", "SizeRestrictions_Body", _over(8_192, {"Body": {"OversizeHandling": "MATCH"}})),
    Known("SizeRestrictions_URIPATH", "SizeRestrictions_URIPath", _over(1_024, PATH)),
    Known("EC2MetaDataSSRF_BODY", "EC2MetaDataSSRF_Body", _regex(_METADATA, BODY, *_TWICE)),
    Known("EC2MetaDataSSRF_COOKIE", "EC2MetaDataSSRF_Cookie", _regex(_METADATA, COOKIES, *_TWICE)),
    Known("EC2MetaDataSSRF_URIPATH", "EC2MetaDataSSRF_URIPath", _regex(_METADATA, PATH, *_TWICE)),
    Known("EC2MetaDataSSRF_QUERYARGUMENTS", "EC2MetaDataSSRF_QueryArguments", _regex(_METADATA, ARGUMENTS, *_TWICE)),
    Known("GenericLFI_QUERYARGUMENTS", "GenericLFI_QueryArguments", _regex(_TRAVERSAL, ARGUMENTS, *_TWICE)),
    Known("GenericLFI_URIPATH", "GenericLFI_URIPath", _regex(_TRAVERSAL, PATH, *_TWICE)),
    Known("GenericLFI_BODY", "GenericLFI_Body", _regex(_TRAVERSAL, BODY, "URL_DECODE")),
    Known("RestrictedExtensions_URIPATH", "RestrictedExtensions_URIPath", _regex(_EXTENSIONS + r"(?:$|[/;])", PATH, *_TWICE)),
    Known("RestrictedExtensions_QUERYARGUMENTS", "RestrictedExtensions_QueryArguments", _regex(_EXTENSIONS + "$", ARGUMENTS, *_TWICE)),
    Known("GenericRFI_QUERYARGUMENTS", "GenericRFI_QueryArguments", _regex(_REMOTE, ARGUMENTS, *_TWICE)),
    Known("GenericRFI_BODY", "GenericRFI_Body", _regex(_REMOTE, BODY, *_TWICE)),
    Known("GenericRFI_URIPATH", "GenericRFI_URIPath", _regex(_REMOTE, PATH, *_TWICE)),
    Known("CrossSiteScripting_COOKIE", "CrossSiteScripting_Cookie", _script(COOKIES)),
    Known("CrossSiteScripting_QUERYARGUMENTS", "CrossSiteScripting_QueryArguments", _script(ARGUMENTS)),
    Known("CrossSiteScripting_BODY", "CrossSiteScripting_Body", _script(BODY)),
    Known("CrossSiteScripting_URIPATH", "CrossSiteScripting_URIPath", _script(PATH)),
)

# Administration and known bad inputs ---------------------------------------------------------------------------------

_ADMINISTRATION = (
    r"(?i)/(?:sqlmanager|sqladmin|mysqladmin|mysqlmanager|phpmyadmin|phppgadmin|pma|adminer(?:\.php)?|webadmin|cpanel|administrator|admin|"
    r"manager/html|jmx-console|web-console)(?:/|$|\.)"
)
ADMIN = (Known("AdminProtection_URIPATH", "AdminProtection_URIPath", _regex(_ADMINISTRATION, PATH, *_TWICE)),)

_JAVA = (
    r"(?i)java\.lang\.(?:runtime|processbuilder|class\b)|getruntime\s*\(\s*\)\s*\.\s*exec|class\.module\.classloader|\bclassloader\.(?:resources|urls)|"
    r"spring\.cloud\.function\.routing-expression|#_memberaccess|\borg\.apache\.commons\.collections\.|\bro0ab[a-z0-9+/]{8}|\xac\xed\x00\x05"
)
_LOOKUP = r"(?i)\$\{\s*(?:jndi\s*:|\$\{)|\$\{[a-z]{0,3}(?:\$\{[^{}]{0,40}\}[a-z]{0,3}){1,8}:|\$%7bjndi"
_EXPLOITABLE = (
    r"(?i)(?:^|/)(?:web-inf|meta-inf)(?:/|$)|/\.(?:git|svn|hg|env|aws|ssh|ds_store|npmrc|dockercfg)(?:[/.]|$)|/(?:phpunit|vendor/phpunit)/|"
    r"/_ignition/execute-solution|/actuator/(?:env|heapdump|gateway|jolokia)|/server-status$|/etc/passwd|/cgi-bin/\.|/boaform/|/hnap1"
)
_REACT = r"(?i)\"status\"\s*:\s*\"resolved_model\"|\$\d+:(?:__proto__|constructor):|\"\$[\da-f]+:constructor:constructor"
KNOWN_BAD = (
    Known("JavaDeserializationRCE_HEADER", "JavaDeserializationRCE_Header", _regex(_JAVA, HEADERS, *_ONCE)),
    Known("JavaDeserializationRCE_BODY", "JavaDeserializationRCE_Body", _regex(_JAVA, BODY, *_ONCE)),
    Known("JavaDeserializationRCE_URIPATH", "JavaDeserializationRCE_URIPath", _regex(_JAVA, PATH, *_ONCE)),
    Known("JavaDeserializationRCE_QUERYSTRING", "JavaDeserializationRCE_QueryString", _regex(_JAVA, QUERY, *_ONCE)),
    Known("Host_localhost_HEADER", "Host_Localhost_Header", _regex(r"(?i)^localhost(?::\d+)?$", _header("host"))),
    Known("PROPFIND_METHOD", "Propfind_Method", _regex("^PROPFIND$", METHOD)),
    Known("ExploitablePaths_URIPATH", "ExploitablePaths_URIPath", _regex(_EXPLOITABLE, PATH, *_TWICE)),
    Known("Log4JRCE_HEADER", "Log4JRCE_Header", _regex(_LOOKUP, HEADERS, *_ONCE)),
    Known("Log4JRCE_QUERYSTRING", "Log4JRCE_QueryString", _regex(_LOOKUP, QUERY, *_TWICE)),
    Known("Log4JRCE_BODY", "Log4JRCE_Body", _regex(_LOOKUP, BODY, *_ONCE)),
    Known("Log4JRCE_URIPATH", "Log4JRCE_URIPath", _regex(_LOOKUP, PATH, *_TWICE)),
    # CVE-2025-55182: https://react.dev/blog/2025/12/03/critical-security-vulnerability-in-react-server-components
    Known("ReactJSRCE_BODY", "ReactJSRCE_Body", _regex(_REACT, BODY, *_ONCE)),
)

# Databases -----------------------------------------------------------------------------------------------------------

SQL = (
    Known("SQLi_QUERYARGUMENTS", "SQLi_QueryArguments", _sql(ARGUMENTS)),
    Known("SQLiExtendedPatterns_QUERYARGUMENTS", "SQLiExtendedPatterns_QueryArguments", _regex(SIGNATURES, ARGUMENTS, *_ONCE)),
    Known("SQLi_BODY", "SQLi_Body", _sql(BODY)),
    Known("SQLiExtendedPatterns_BODY", "SQLiExtendedPatterns_Body", _regex(SIGNATURES, BODY, *_ONCE)),
    Known("SQLiExtendedPatterns_HEADER", "SQLiExtendedPatterns_Header", _regex(SIGNATURES, HEADERS, *_ONCE)),
    Known("SQLiExtendedPatterns_URIPATH", "SQLiExtendedPatterns_UriPath", _regex(SIGNATURES, PATH, *_ONCE)),
    Known("SQLi_COOKIE", "SQLi_Cookie", _sql(COOKIES)),
    Known("SQLi_URIPATH", "SQLi_URIPath", _sql(PATH)),
)

# Operating systems and applications ------------------------------------------------------------------------------------

_FILES = (
    r"(?i)/proc/(?:version|self|cpuinfo|meminfo|mounts|net|cmdline|\d+/)|/etc/(?:passwd|shadow|group|hosts|issue|sudoers|crontab|fstab|ssh/|"
    r"apache2?/|nginx/|mysql/|environment|os-release)|/var/log/|/\.(?:bash_history|bashrc|profile|ssh/(?:id_rsa|id_ed25519|authorized_keys))\b|"
    r"/roo[t]/\.|/dev/(?:tcp|udp)/"
)
LINUX = (
    Known("LFI_URIPATH", "LFI_URIPath", _regex(_FILES, PATH, *_PATHS)),
    Known("LFI_QUERYSTRING", "LFI_QueryString", _regex(_FILES, QUERY, *_PATHS)),
    Known("LFI_HEADER", "LFI_Header", _regex(_FILES, HEADERS, *_PATHS)),
)
_SHELL = (
    r"(?i)\becho\s+['\"]?\$\{?(?:home|path|user|shell|pwd|ifs|hostname)\b|\$\{?ifs\}?|/bin/(?:ba|da|z|k|c)?sh\b|/usr/bin/(?:env|id|whoami|perl|python)|"
    r"(?:[;|`]|&&|\$\()\s*(?:cat|ls|id|whoami|uname|wget|curl|nc|ncat|bash|sh|chmod|chown|rm|mv|cp|ps|kill|ping|nslookup|perl|python3?|ruby)"
    r"(?:\s|[;|`)]|$)"
)
POSIX = (
    Known("UNIXShellCommandsVariables_QUERYSTRING", "UNIXShellCommandsVariables_QueryString", _regex(_SHELL, QUERY, *_ONCE)),
    Known("UNIXShellCommandsVariables_BODY", "UNIXShellCommandsVariables_Body", _regex(_SHELL, BODY, *_ONCE)),
    Known("UNIXShellCommandsVariables_HEADER", "UNIXShellCommandsVariables_Header", _regex(_SHELL, HEADERS, *_ONCE)),
)
_COMMAND = (
    r"(?i)(?:\|\||&&|[;|])\s*(?:cmd(?:\.exe)?|nslookup|powershell(?:\.exe)?|ipconfig|tasklist|systeminfo|certutil|bitsadmin|wmic|whoami|"
    r"net\s+(?:user|view|localgroup|share)|(?:dir|type)\s+[a-z]:|reg\s+(?:add|query))(?:\s|[/&|]|$)|\bcmd(?:\.exe)?\s+/[ck]\b"
)
_POWERSHELL = (
    r"(?i)\b(?:invoke-(?:expression|webrequest|restmethod|command|mimikatz|item)|start-(?:process|bitstransfer)|new-object\s+(?:system\.)?net\.webclient|"
    r"downloadstring\s*\(|downloadfile\s*\(|get-(?:wmiobject|credential|childitem)|set-executionpolicy|iex\s*\(|frombase64string\s*\()|"
    r"\bpowershell(?:\.exe)?\s+-"
)
WINDOWS = (
    Known("WindowsShellCommands_COOKIE", "WindowsShellCommands_Cookie", _regex(_COMMAND, COOKIES, *_ONCE)),
    Known("WindowsShellCommands_QUERYARGUMENTS", "WindowsShellCommands_QueryArguments", _regex(_COMMAND, ARGUMENTS, *_ONCE)),
    Known("WindowsShellCommands_BODY", "WindowsShellCommands_Body", _regex(_COMMAND, BODY, *_ONCE)),
    Known("PowerShellCommands_COOKIE", "PowerShellCommands_Cookie", _regex(_POWERSHELL, COOKIES, *_ONCE)),
    Known("PowerShellCommands_QUERYARGUMENTS", "PowerShellCommands_QueryArguments", _regex(_POWERSHELL, ARGUMENTS, *_ONCE)),
    Known("PowerShellCommands_BODY", "PowerShellCommands_Body", _regex(_POWERSHELL, BODY, *_ONCE)),
)
_PHP = (
    r"(?i)\$_(?:get|post|request|cookie|server|files|session|env)\b|\$globals\b|<\?php|\bphp://(?:input|filter|memory)|"
    r"\b(?:p?fsockopen|shell_exec|passthru|proc_open|popen|pcntl_exec|eval|assert|system|exec|call_user_func(?:_array)?|create_function|phpinfo|"
    r"file_put_contents|base64_decode|gzinflate|move_uploaded_file)\s*\(|\b(?:auto_prepend_file|allow_url_include)\s*="
)
PHP = (
    Known("PHPHighRiskMethodsVariables_HEADER", "PHPHighRiskMethodsVariables_Header", _regex(_PHP, HEADERS, "URL_DECODE")),
    Known("PHPHighRiskMethodsVariables_QUERYSTRING", "PHPHighRiskMethodsVariables_QueryString", _regex(_PHP, QUERY, "URL_DECODE")),
    Known("PHPHighRiskMethodsVariables_BODY", "PHPHighRiskMethodsVariables_Body", _regex(_PHP, BODY, "URL_DECODE")),
    Known("PHPHighRiskMethodsVariables_URIPATH", "PHPHighRiskMethodsVariables_URIPath", _regex(_PHP, PATH, "URL_DECODE")),
)
WORDPRESS = (
    Known(
        "WordPressExploitableCommands_QUERYSTRING", "WordPressExploitableCommands_QUERYSTRING",
        _regex(r"(?i)\bdo-reset-wordpress\b|\baction=(?:revslider_show_image|duplicator_download|cpis_admin)\b|\bswp_url=", QUERY, *_ONCE),
    ),
    Known(
        "WordPressExploitablePaths_URIPATH", "WordPressExploitablePaths_URIPATH",
        _regex(r"(?i)/(?:xmlrpc|timthumb|wp-config|wp-load|wlwmanifest)\.(?:php|xml)|/wp-content/debug\.log|/wp-admin/(?:install|setup-config)\.php", PATH, *_ONCE),
    ),
)  # fmt: skip
