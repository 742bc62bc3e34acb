"""Who comes in at a proxy, with which proof, and by whose rights the proxy itself comes in at the database."""

import contextlib
import json
import socket

import pytest
from database_workshop import GONE, code_of
from proxy_workshop import READS, Proxies, may

pytestmark = pytest.mark.database


@pytest.fixture
def proxies(cloud):
    made = Proxies(cloud)
    made.create()
    return made


def _refused(proxies, **said):
    """What the proxy tells whom it does not let in."""
    with pytest.raises(GONE) as refused:
        proxies.connect(**said)
    return refused.value.args[0]["C"], refused.value.args[0]["M"]


def test_a_proxy_says_in_awss_words_why_it_lets_nobody_in(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.troubleshooting.html; codes as they were seen, or PostgreSQL's for the same
    proxies.make()
    assert _refused(proxies, password="wrong-secret") == ("28P01", "The password that was provided for the role keeper is wrong.")
    assert _refused(proxies, user="nobody") == (
        "28000", "This RDS proxy has no credentials for the role nobody. Check the credentials for this role and try again."
    )  # fmt: skip
    assert _refused(proxies, database="nothing") == ("3D000", 'Request returned an error: database "nothing" does not exist')
    for option, words in (
        ({"statement_timeout": "1"}, "RDS Proxy currently doesn't support the option statement_timeout."),
        ({"options": "-c search_path=x"}, "RDS Proxy currently doesn't support command-line options."),
    ):
        assert _refused(proxies, startup_params=option) == ("0A000", f"Feature not supported: {words}")
    assert _refused(proxies, replication="database") == (
        "0A000", "Feature not supported: RDS Proxy currently doesn't support streaming replication mode."
    )  # fmt: skip


def test_a_proxy_that_requires_tls_lets_nobody_in_who_speaks_plain(proxies):
    shown = proxies.make(RequireTLS=True)
    assert shown["RequireTLS"] is True
    assert _refused(proxies, ssl_context=False) == ("28000", "This RDS Proxy requires TLS connections.")
    assert proxies.connect(ssl_context=True).ask("select 1") == [(1,)]
    proxies.rds.modify_db_proxy(DBProxyName="pool", RequireTLS=False)
    proxies.until_proxy("available")
    assert proxies.connect(ssl_context=False).ask("select 1") == [(1,)]


def test_passwords_are_proven_by_md5_where_the_proxy_says_so(proxies):
    proxies.make(auth={"ClientPasswordAuthType": "POSTGRES_MD5"})
    assert proxies.connect().ask("select current_user") == [("keeper",)]
    assert _refused(proxies, password="wrong-secret")[0] == "28P01"


def test_each_secret_is_a_user(proxies):
    proxies.ask("create role reader login password 'other-secret'")
    proxies.make(secrets=[proxies.secret(), proxies.secret("reader", "other-secret")])
    assert proxies.connect(user="reader", password="other-secret").ask("select current_user") == [("reader",)]
    assert proxies.connect().ask("select current_user") == [("keeper",)]
    assert _refused(proxies, user="reader")[0] == "28P01"


def test_what_is_no_startup_is_shut_out_and_a_cancellation_is_not_heard(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations-pg
    proxies.make()
    address = proxies.connect().session._usock.getpeername()
    cancel = (16).to_bytes(4, "big") + (80877102).to_bytes(4, "big") + bytes(8)
    version_2 = (16).to_bytes(4, "big") + (2 << 16).to_bytes(4, "big") + bytes(8)
    for said, answer in ((b"GET / HTTP/1.1\r\n\r\n", b""), (bytes(8), b""), (cancel, b""), (version_2, b"supports only version 3.0")):
        with socket.create_connection(address, timeout=20) as client:
            client.sendall(said)
            heard = b""
            with contextlib.suppress(ConnectionResetError):
                while data := client.recv(4_096):
                    heard += data
            assert answer in heard and (answer or not heard)
    assert proxies.connect().ask("select 1") == [(1,)]


def test_a_secret_that_was_changed_is_read_when_its_old_password_is_refused(proxies):
    arn = proxies.secret()
    proxies.make(secrets=[arn])
    one = proxies.connect()
    proxies.ask("alter role keeper password 'another-secret'")
    proxies.secrets.put_secret_value(SecretId=arn, SecretString=json.dumps({"username": "keeper", "password": "another-secret"}))
    assert proxies.connect(password="another-secret").ask("select 1") == [(1,)]
    assert _refused(proxies)[0] == "28P01"
    assert one.ask("select 1") == [(1,)]


def test_a_password_that_rds_rotates_is_the_proxys_too(proxies):
    proxies.rds.create_db_instance(
        DBInstanceIdentifier="managed", DBInstanceClass="db.t3.micro", Engine="postgres", MasterUsername="keeper", ManageMasterUserPassword=True,
        AllocatedStorage=20, BackupRetentionPeriod=0,
    )  # fmt: skip
    proxies.until("available", "managed")
    arn = proxies.shown("managed")["MasterUserSecret"]["SecretArn"]

    def password():
        return json.loads(proxies.secrets.get_secret_value(SecretId=arn)["SecretString"])["password"]

    proxies.make(secrets=[arn], target="managed")
    old, one = password(), proxies.connect(password=password())
    proxies.rds.modify_db_instance(DBInstanceIdentifier="managed", RotateMasterUserPassword=True, ApplyImmediately=True)
    proxies.until("available", "managed")
    assert password() != old
    assert proxies.connect(password=password()).ask("select 1") == one.ask("select 1") == [(1,)]
    assert _refused(proxies, password=old)[0] == "28P01"


# The proxy's own rights ----------------------------------------------------------------------------


def test_a_role_that_may_not_read_the_secret_leaves_the_proxy_without_credentials(proxies):
    # Target health and the log's words as users of AWS saw them; READS is what the role lacks.
    proxies.make(target=None)
    iam = proxies.cloud.client("iam")
    iam.put_role_policy(RoleName="proxy-reader", PolicyName="reads", PolicyDocument=may({**READS, "Effect": "Deny"}))
    proxies.rds.modify_db_proxy(DBProxyName="pool", IdleClientTimeout=60)  # and reads its secrets
    proxies.until_proxy("available")
    proxies.rds.register_db_proxy_targets(DBProxyName="pool", DBInstanceIdentifiers=["orders"])
    health = proxies.until_health("UNAVAILABLE", reason="AUTH_FAILURE")
    assert health["Description"] == "Proxy does not have any registered credentials"
    assert _refused(proxies)[1].startswith("This RDS proxy has no credentials for the role keeper.")
    proxies.cloud.sleep(5)
    told = [each["message"] for each in proxies.cloud.client("logs").filter_log_events(logGroupName="/aws/rds/proxy/pool")["events"]]
    secret = proxies.proxy()["Auth"][0]["SecretArn"]
    assert (
        '[WARN] Credentials couldn\'t be retrieved. The IAM role "arn:aws:iam::000000000000:role/proxy-reader" is not authorized to read the AWS Secrets '
        f'Manager secret with the ARN "{secret}"'
    ) in told
    iam.put_role_policy(RoleName="proxy-reader", PolicyName="reads", PolicyDocument=may(READS))
    assert proxies.connect().ask("select 1") == [(1,)]  # who is refused has secrets read anew
    proxies.until_health("AVAILABLE")


def test_a_secret_with_a_password_that_the_database_does_not_know_is_a_failure_of_authentication(proxies):
    proxies.make(secrets=[proxies.secret(password="not-this-one")], target=None)
    proxies.rds.register_db_proxy_targets(DBProxyName="pool", DBInstanceIdentifiers=["orders"])
    assert 'password authentication failed for user "keeper"' in proxies.until_health("UNAVAILABLE", reason="AUTH_FAILURE")["Description"]
    assert _refused(proxies, password="not-this-one") == (
        "28P01", 'Request returned an error: password authentication failed for user "keeper"'
    )  # fmt: skip


def test_whoever_makes_a_proxy_must_be_allowed_to_pass_its_role(proxies):
    proxies.make_role()
    iam = proxies.cloud.client("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    iam.put_user_policy(UserName="visitor", PolicyName="rds", PolicyDocument=may({"Effect": "Allow", "Action": "rds:*", "Resource": "*"}))
    visitor = proxies.cloud.client("rds", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    said = {
        "DBProxyName": "own", "EngineFamily": "POSTGRESQL", "RoleArn": "arn:aws:iam::000000000000:role/proxy-reader", "VpcSubnetIds": proxies.subnets(),
        "Auth": [{"AuthScheme": "SECRETS", "SecretArn": proxies.secret()}],
    }  # fmt: skip
    assert code_of(visitor.create_db_proxy, **said) == "AccessDenied"
    assert proxies.rds.describe_db_proxies()["DBProxies"] == []


# Tokens of IAM -------------------------------------------------------------------------------------


def _visitor(proxies, statement):
    iam = proxies.cloud.client("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    iam.put_user_policy(UserName="visitor", PolicyName="connects", PolicyDocument=may(statement))
    return proxies.cloud.client("rds", key=key["AccessKeyId"], secret=key["SecretAccessKey"])


def _token(proxies, client, host=None, **more):
    asked = {"DBHostname": host or proxies.proxy()["Endpoint"], "Port": 5_432, "DBUsername": "keeper", "Region": "us-east-1", **more}
    return client.generate_db_auth_token(**asked)


def test_who_may_connect_comes_in_with_a_token_and_with_nothing_else(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-iam-setup.html
    shown = proxies.make(auth={"IAMAuth": "REQUIRED"})
    proxy = shown["DBProxyArn"].rpartition(":")[2]
    visitor = _visitor(proxies, {
        "Effect": "Allow", "Action": "rds-db:connect", "Resource": f"arn:aws:rds-db:us-east-1:000000000000:dbuser:{proxy}/keeper",
    })  # fmt: skip
    failed = ("28000", "The IAM authentication failed for the role keeper. Check the IAM token for this role and try again.")
    token = _token(proxies, visitor)
    assert proxies.connect(password=token).ask("select current_user") == [("keeper",)]
    assert _refused(proxies) == failed  # the password of the secret is no token
    assert _refused(proxies, password=token, ssl_context=False) == ("28000", "IAM authentication is allowed only with SSL connections.")
    for wrong in (
        token[:-1] + ("0" if token[-1] != "0" else "1"), _token(proxies, visitor, DBUsername="other"), _token(proxies, visitor, host="other.localhost"),
        _token(proxies, visitor, Port=5_433), _token(proxies, visitor, Region="eu-west-1"), token.replace("Action=connect", "Action=other"), "",
    ):  # fmt: skip
        assert _refused(proxies, password=wrong) == failed
    proxies.cloud.sleep(901)
    assert _refused(proxies, password=token) == failed


def test_who_may_not_connect_is_refused_whoever_signed_the_token(proxies):
    proxies.make(auth={"IAMAuth": "REQUIRED"})
    visitor = _visitor(proxies, {"Effect": "Allow", "Action": "rds-db:connect", "Resource": "arn:aws:rds-db:us-east-1:000000000000:dbuser:prx-other/*"})
    assert _refused(proxies, password=_token(proxies, visitor))[0] == "28000"


def test_a_session_of_a_role_connects_with_its_token(proxies):
    proxies.make(auth={"IAMAuth": "REQUIRED"})
    iam = proxies.cloud.client("iam")
    trust = {"Effect": "Allow", "Principal": {"AWS": "000000000000"}, "Action": "sts:AssumeRole"}
    role = iam.create_role(RoleName="caller", AssumeRolePolicyDocument=may(trust))["Role"]["Arn"]
    iam.put_role_policy(
        RoleName="caller", PolicyName="connects", PolicyDocument=may({"Effect": "Allow", "Action": "rds-db:connect", "Resource": "*"})
    )
    keys = proxies.cloud.client("sts").assume_role(RoleArn=role, RoleSessionName="own")["Credentials"]
    caller = proxies.cloud.client("rds", key=keys["AccessKeyId"], secret=keys["SecretAccessKey"], token=keys["SessionToken"])
    assert proxies.connect(password=_token(proxies, caller)).ask("select 1") == [(1,)]


def test_the_certificate_is_the_clouds_and_names_every_endpoint(proxies):
    import ssl

    shown = proxies.make()
    peer = proxies.connect().session._usock.getpeername()
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(peer, timeout=20) as plain:
        plain.sendall((8).to_bytes(4, "big") + (80877103).to_bytes(4, "big"))
        assert plain.recv(1) == b"S"
        with context.wrap_socket(plain, server_hostname=shown["Endpoint"]) as secure:
            certificate = secure.getpeercert(binary_form=True)
    assert shown["Endpoint"].encode() in certificate
