"""What is asked of proxies: what is told of them, what AWS refuses, in its words where they are known, and what nobody here has built, by name."""

import json

import pytest
from bill_workshop import used
from database_workshop import code_of, refusal
from proxy_workshop import ROLE, Proxies, may

pytestmark = pytest.mark.database
SECRET = "arn:aws:secretsmanager:us-east-1:000000000000:secret:of-keeper-abcdef"
MADE = {
    "DBProxyName": "pool", "EngineFamily": "POSTGRESQL", "RoleArn": ROLE,
    "Auth": [{"AuthScheme": "SECRETS", "SecretArn": SECRET}],
}  # fmt: skip


@pytest.fixture
def proxies(cloud):
    return Proxies(cloud)


def _made(proxies, **said):
    return proxies.rds.create_db_proxy(**{**MADE, "VpcSubnetIds": proxies.subnets(), **said})["DBProxy"]


def test_a_proxy_is_told_as_it_was_asked_for_with_the_defaults_of_the_model(proxies):
    made = _made(proxies, DBProxyName="Pool")
    assert (made["DBProxyName"], made["Status"]) == ("pool", "creating")
    shown = proxies.until_proxy("available")
    assert shown["Auth"] == [
        {"AuthScheme": "SECRETS", "SecretArn": SECRET, "IAMAuth": "DISABLED", "ClientPasswordAuthType": "POSTGRES_SCRAM_SHA_256"}
    ]
    assert (shown["IdleClientTimeout"], shown["RequireTLS"], shown["DebugLogging"]) == (1_800, False, False)
    assert shown["DBProxyArn"].startswith("arn:aws:rds:us-east-1:000000000000:db-proxy:prx-")
    assert shown["Endpoint"].startswith("pool.proxy-") and shown["Endpoint"].endswith(".us-east-1.rds.localhost")
    (group,) = proxies.rds.describe_db_proxy_target_groups(DBProxyName="pool")["TargetGroups"]
    assert group["TargetGroupArn"].startswith("arn:aws:rds:us-east-1:000000000000:target-group:prx-tg-")
    assert group["ConnectionPoolConfig"] == {
        "MaxConnectionsPercent": 100, "MaxIdleConnectionsPercent": 50, "ConnectionBorrowTimeout": 120, "SessionPinningFilters": [],
    }  # fmt: skip
    assert proxies.rds.describe_db_proxy_targets(DBProxyName="pool")["Targets"] == []
    assert proxies.rds.describe_db_proxy_endpoints(DBProxyName="pool")["DBProxyEndpoints"] == []


@pytest.mark.parametrize(
    "said, code, text",
    [
        ({"DBProxyName": "1pool"}, "ValidationError", "failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ({"DBProxyName": "../pool"}, "ValidationError", "failed to satisfy constraint: Member must satisfy regular expression pattern"),
        ({"VpcSubnetIds": []}, "InvalidParameterValue", "At least one subnet"),
        ({"VpcSubnetIds": ["subnet-0123456789abcdef0"]}, "InvalidSubnet", "subnet-0123456789abcdef0"),
        ({"VpcSecurityGroupIds": ["sg-0123456789abcdef0"]}, "InvalidParameterValue", "Invalid security group"),
        ({"Auth": []}, "InvalidParameterCombination", "You must specify Auth"),
        ({"Auth": [{"AuthScheme": "SECRETS", "SecretArn": "arn:aws:s3:::a-bucket-of-ours"}]}, "InvalidParameterValue", "Invalid secret ARN"),
        ({"Auth": [{"SecretArn": SECRET, "IAMAuth": "ENABLED"}]}, "InvalidParameterValue", "The IAMAuth value ENABLED is valid only"),
        ({"Auth": [{"SecretArn": SECRET, "ClientPasswordAuthType": "MYSQL_NATIVE_PASSWORD"}]}, "InvalidParameterValue", "The client password"),
        ({"Auth": [{"SecretArn": SECRET}] * 2}, "InvalidParameterValue", "A secret may be named once only."),
        ({"IdleClientTimeout": 28_801}, "InvalidParameterValue", "Invalid IdleClientTimeout: 28801."),
        ({"IdleClientTimeout": 0}, "InvalidParameterValue", "Invalid IdleClientTimeout: 0."),
        ({"Tags": [{"Key": "aws:own", "Value": "x"}]}, "InvalidParameterValue", "Tag keys that begin with aws:"),
        ({"EngineFamily": "SQLSERVER"}, "NotImplemented", "proxies of the engine family SQLSERVER"),
        ({"DefaultAuthScheme": "IAM_AUTH"}, "NotImplemented", "rds:CreateDBProxy(DefaultAuthScheme)"),
        ({"EndpointNetworkType": "DUAL"}, "NotImplemented", "rds:CreateDBProxy(EndpointNetworkType)"),
        ({"TargetConnectionNetworkType": "IPV6"}, "NotImplemented", "rds:CreateDBProxy(TargetConnectionNetworkType)"),
    ],
)  # fmt: skip
def test_what_is_refused_leaves_no_proxy(proxies, said, code, text):
    told = refusal(proxies.rds.create_db_proxy, **{**MADE, "VpcSubnetIds": proxies.subnets(), **said})
    assert told["Code"] == code and text in told["Message"]
    assert proxies.rds.describe_db_proxies()["DBProxies"] == []


def test_a_name_is_taken_once_and_what_is_not_there_is_said(proxies):
    # moto's test_rds_proxy.py has the words.
    _made(proxies)
    proxies.until_proxy("available")
    assert refusal(proxies.rds.create_db_proxy, **MADE, VpcSubnetIds=proxies.subnets()) == {
        "Code": "DBProxyAlreadyExistsFault", "Type": "Sender",
        "Message": "Cannot create the DBProxy because a DBProxy with the identifier pool already exists.",
    }  # fmt: skip
    told = refusal(proxies.rds.describe_db_proxies, DBProxyName="nothing")
    assert told["Message"].startswith("The specified proxy name nothing doesn't correspond to a proxy owned by your Amazon Web Services account")
    rds = proxies.rds
    for code, call, said in (
        ("DBProxyNotFoundFault", rds.delete_db_proxy, {"DBProxyName": "nothing"}),
        ("DBProxyNotFoundFault", rds.modify_db_proxy, {"DBProxyName": "nothing"}),
        ("DBProxyNotFoundFault", rds.describe_db_proxy_targets, {"DBProxyName": "nothing"}),
        ("DBProxyTargetGroupNotFoundFault", rds.describe_db_proxy_targets, {"DBProxyName": "pool", "TargetGroupName": "other"}),
        ("DBProxyTargetGroupNotFoundFault", rds.modify_db_proxy_target_group, {"DBProxyName": "pool", "TargetGroupName": "other"}),
        ("DBInstanceNotFound", rds.register_db_proxy_targets, {"DBProxyName": "pool", "DBInstanceIdentifiers": ["nothing"]}),
        ("InvalidParameterCombination", rds.register_db_proxy_targets, {"DBProxyName": "pool"}),
        ("InvalidParameterCombination", rds.register_db_proxy_targets, {"DBProxyName": "pool", "DBInstanceIdentifiers": ["a", "b"]}),
        ("DBClusterNotFoundFault", rds.register_db_proxy_targets, {"DBProxyName": "pool", "DBClusterIdentifiers": ["cluster"]}),
        ("DBProxyEndpointNotFoundFault", rds.delete_db_proxy_endpoint, {"DBProxyEndpointName": "nothing"}),
        ("DBProxyEndpointNotFoundFault", rds.describe_db_proxy_endpoints, {"DBProxyEndpointName": "nothing"}),
    ):
        assert code_of(call, **said) == code


@pytest.mark.parametrize(
    "pool, code, text",
    [
        ({"MaxConnectionsPercent": 0}, "InvalidParameterValue", "Invalid MaxConnectionsPercent: 0."),
        ({"MaxConnectionsPercent": 101}, "InvalidParameterValue", "Invalid MaxConnectionsPercent: 101."),
        ({"MaxConnectionsPercent": 10, "MaxIdleConnectionsPercent": 11}, "InvalidParameterValue", "Invalid MaxIdleConnectionsPercent: 11."),
        ({"MaxIdleConnectionsPercent": 11}, "InvalidParameterCombination", "If you specify MaxIdleConnectionsPercent"),
        ({"ConnectionBorrowTimeout": 301}, "InvalidParameterValue", "Invalid ConnectionBorrowTimeout: 301."),
        ({"SessionPinningFilters": ["EXCLUDE_VARIABLE_SETS"]}, "InvalidParameterValue", "Session pinning filters aren't supported"),
        ({"SessionPinningFilters": ["OTHER"]}, "InvalidParameterValue", "Invalid session pinning filter: OTHER"),
    ],
)  # fmt: skip
def test_a_target_groups_bounds_are_the_models(proxies, pool, code, text):
    _made(proxies)
    proxies.until_proxy("available")
    told = refusal(proxies.rds.modify_db_proxy_target_group, DBProxyName="pool", TargetGroupName="default", ConnectionPoolConfig=pool)
    assert told["Code"] == code and told["Message"].startswith(text)
    rename = {"DBProxyName": "pool", "TargetGroupName": "default", "NewName": "other"}
    assert code_of(proxies.rds.modify_db_proxy_target_group, **rename) == "InvalidParameterValue"


def test_at_awss_pace_a_proxy_takes_minutes_and_cannot_be_changed_meanwhile(make_cloud):
    proxies = Proxies(make_cloud(pace="real"))
    _made(proxies)
    proxies.cloud.sleep(100)
    assert proxies.proxy()["Status"] == "creating"
    assert code_of(proxies.rds.modify_db_proxy, DBProxyName="pool", RequireTLS=True) == "InvalidDBProxyStateFault"
    proxies.cloud.sleep(250)
    assert proxies.until_proxy("available")["RequireTLS"] is False


def test_a_proxy_takes_another_name_and_its_endpoint_goes_with_it(proxies):
    proxies.create()
    before = proxies.make()
    shown = proxies.rds.modify_db_proxy(DBProxyName="pool", NewDBProxyName="lake", IdleClientTimeout=99)["DBProxy"]
    assert (shown["Status"], shown["IdleClientTimeout"]) == ("modifying", 99)
    shown = proxies.until_proxy("available", "lake")
    assert shown["DBProxyArn"] == before["DBProxyArn"] and shown["Endpoint"].startswith("lake.proxy-")
    assert proxies.connect("lake").ask("select 1") == [(1,)]
    assert code_of(proxies.rds.describe_db_proxies, DBProxyName="pool") == "DBProxyNotFoundFault"


def test_a_target_is_registered_once_and_leaves(proxies):
    proxies.create()
    proxies.make()
    (target,) = proxies.rds.describe_db_proxy_targets(DBProxyName="pool")["Targets"]
    shown = proxies.shown()
    assert target == {
        "TargetArn": shown["DBInstanceArn"], "Endpoint": shown["Endpoint"]["Address"], "RdsResourceId": "orders", "Type": "RDS_INSTANCE",
        "Port": shown["Endpoint"]["Port"], "Role": "READ_WRITE", "TargetHealth": {"State": "AVAILABLE"},
    }  # fmt: skip
    same = {"DBProxyName": "pool", "DBInstanceIdentifiers": ["orders"]}
    assert code_of(proxies.rds.register_db_proxy_targets, **same) == "DBProxyTargetAlreadyRegisteredFault"
    one = proxies.connect()
    proxies.rds.deregister_db_proxy_targets(**same)
    assert proxies.rds.describe_db_proxy_targets(DBProxyName="pool")["Targets"] == []
    assert code_of(proxies.rds.deregister_db_proxy_targets, **same) == "DBProxyTargetNotFoundFault"
    proxies.rds.register_db_proxy_targets(**same)
    proxies.until_health("AVAILABLE")
    assert one.ask("select 1") == [(1,)]


def test_a_read_replica_is_no_target(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.html#rds-proxy.limitations
    proxies.create(BackupRetentionPeriod=1)
    proxies.rds.create_db_instance_read_replica(DBInstanceIdentifier="copy", SourceDBInstanceIdentifier="orders")
    proxies.until("available", "copy")
    proxies.make(target=None)
    told = refusal(proxies.rds.register_db_proxy_targets, DBProxyName="pool", DBInstanceIdentifiers=["copy"])
    assert told["Message"] == "The DB instance copy is a read replica, which can't be associated with a proxy."


def test_a_target_that_is_deleted_leaves_by_itself(proxies):
    proxies.create()
    proxies.make()
    proxies.rds.delete_db_instance(DBInstanceIdentifier="orders", SkipFinalSnapshot=True)
    proxies.until_gone()
    assert proxies.rds.describe_db_proxy_targets(DBProxyName="pool")["Targets"] == []

    def told():
        return [each["Message"] for each in proxies.rds.describe_events(SourceType="db-proxy", SourceIdentifier="pool")["Events"]]

    proxies._until(told, lambda found: found[-1].startswith("RDS detected deletion of DB instance"))
    assert told()[0] == "RDS created DB proxy pool."


def test_a_further_endpoint_is_a_place_of_its_own_with_the_same_users(proxies):
    proxies.create()
    own = proxies.make(DebugLogging=True)
    said = {"DBProxyName": "pool", "DBProxyEndpointName": "Side", "VpcSubnetIds": proxies.subnets()}
    made = proxies.rds.create_db_proxy_endpoint(**said, Tags=[{"Key": "team", "Value": "blue"}])["DBProxyEndpoint"]
    assert (made["Status"], made["TargetRole"], made["IsDefault"]) == ("creating", "READ_WRITE", False)

    def shown(name="side"):
        (found,) = proxies.rds.describe_db_proxy_endpoints(DBProxyEndpointName=name)["DBProxyEndpoints"]
        return found

    proxies._until(shown, lambda found: found["Status"] == "available")
    assert shown()["Endpoint"].startswith("side.endpoint.proxy-") and shown()["Endpoint"][-30:] != own["Endpoint"][-30:]
    assert proxies.connect(host=shown()["Endpoint"]).ask("select 1") == [(1,)]
    proxies.cloud.sleep(5)
    logs = proxies.cloud.client("logs").filter_log_events(logGroupName="/aws/rds/proxy/pool", filterPattern='"proxyEndpoint=side"')["events"]
    assert any("A new client connected from 127." in each["message"] for each in logs)
    assert code_of(proxies.rds.create_db_proxy_endpoint, **said) == "DBProxyEndpointAlreadyExistsFault"
    reader = {**said, "DBProxyEndpointName": "reader", "TargetRole": "READ_ONLY"}
    assert code_of(proxies.rds.create_db_proxy_endpoint, **reader) == "InvalidParameterCombination"
    group = proxies.cloud.client("ec2").create_security_group(GroupName="own", Description="own", VpcId=own["VpcId"])["GroupId"]
    proxies.rds.modify_db_proxy_endpoint(DBProxyEndpointName="side", NewDBProxyEndpointName="aside", VpcSecurityGroupIds=[group])
    assert shown("aside")["VpcSecurityGroupIds"] == [group]
    place = shown("aside")["Endpoint"]
    proxies._until(lambda: shown("aside"), lambda found: found["Status"] == "available")
    assert proxies.connect(host=place).ask("select 1") == [(1,)]
    assert proxies.rds.delete_db_proxy_endpoint(DBProxyEndpointName="aside")["DBProxyEndpoint"]["Status"] == "deleting"
    proxies._until(lambda: proxies.rds.describe_db_proxy_endpoints()["DBProxyEndpoints"], lambda found: found == [])
    with pytest.raises(Exception, match="Can't create a connection"):
        proxies.connect(host=place)
    assert proxies.connect().ask("select 1") == [(1,)]


def test_proxies_groups_and_endpoints_have_tags(proxies):
    _made(proxies, Tags=[{"Key": "team", "Value": "blue"}])
    proxies.until_proxy("available")
    group = proxies.rds.describe_db_proxy_target_groups(DBProxyName="pool")["TargetGroups"][0]["TargetGroupArn"]
    said = {"DBProxyName": "pool", "DBProxyEndpointName": "side", "VpcSubnetIds": proxies.subnets()}
    endpoint = proxies.rds.create_db_proxy_endpoint(**said)["DBProxyEndpoint"]["DBProxyEndpointArn"]
    proxy = proxies.proxy()["DBProxyArn"]
    assert proxies.rds.list_tags_for_resource(ResourceName=proxy)["TagList"] == [{"Key": "team", "Value": "blue"}]
    for arn in (proxy, group, endpoint):
        proxies.rds.add_tags_to_resource(ResourceName=arn, Tags=[{"Key": "cost", "Value": "none"}])
        assert {"Key": "cost", "Value": "none"} in proxies.rds.list_tags_for_resource(ResourceName=arn)["TagList"]
    found = proxies.cloud.client("resourcegroupstaggingapi").get_resources(TagFilters=[{"Key": "cost"}])["ResourceTagMappingList"]
    assert {each["ResourceARN"] for each in found} == {proxy, group, endpoint}
    proxies.rds.remove_tags_from_resource(ResourceName=proxy, TagKeys=["team", "cost"])
    assert proxies.rds.list_tags_for_resource(ResourceName=proxy)["TagList"] == []


def test_a_policy_knows_proxies_groups_and_endpoints_by_their_ids_and_tags(proxies):
    # https://docs.aws.amazon.com/service-authorization/latest/reference/list_amazonrds.html
    _made(proxies, Tags=[{"Key": "team", "Value": "blue"}])
    _made(proxies, DBProxyName="other")
    for name in ("pool", "other"):
        proxies.until_proxy("available", name)
    group = proxies.rds.describe_db_proxy_target_groups(DBProxyName="pool")["TargetGroups"][0]["TargetGroupArn"]
    iam = proxies.cloud.client("iam")
    iam.create_user(UserName="visitor")
    key = iam.create_access_key(UserName="visitor")["AccessKey"]
    iam.put_user_policy(UserName="visitor", PolicyName="own", PolicyDocument=may(
        {"Effect": "Allow", "Action": "rds:*", "Resource": "*", "Condition": {"StringEquals": {"aws:ResourceTag/team": "blue"}}},
        {"Effect": "Allow", "Action": "rds:ModifyDBProxyTargetGroup", "Resource": group},
    ))  # fmt: skip
    visitor = proxies.cloud.client("rds", key=key["AccessKeyId"], secret=key["SecretAccessKey"])
    pool = {"TargetGroupName": "default", "ConnectionPoolConfig": {"MaxConnectionsPercent": 30}}
    assert visitor.describe_db_proxies(DBProxyName="pool")["DBProxies"][0]["DBProxyName"] == "pool"
    visitor.modify_db_proxy_target_group(DBProxyName="pool", **pool)
    visitor.modify_db_proxy(DBProxyName="pool", IdleClientTimeout=60)
    for call, said in (
        (visitor.describe_db_proxies, {}), (visitor.modify_db_proxy, {}), (visitor.delete_db_proxy, {}), (visitor.modify_db_proxy_target_group, pool),
        (visitor.register_db_proxy_targets, {"DBInstanceIdentifiers": ["orders"]}), (visitor.describe_db_proxy_targets, {}),
        (visitor.create_db_proxy_endpoint, {"DBProxyEndpointName": "side", "VpcSubnetIds": proxies.subnets()}),
    ):  # fmt: skip
        assert code_of(call, DBProxyName="other", **said) == "AccessDenied"


def test_detailed_logs_end_after_a_day(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy-creating.html: Enhanced logging
    _made(proxies, DebugLogging=True)
    assert proxies.until_proxy("available")["DebugLogging"] is True
    proxies.cloud.sleep_and_settle(86_500)
    assert proxies.proxy()["DebugLogging"] is False


def test_figures_are_told_by_proxy_and_by_target(proxies):
    # https://docs.aws.amazon.com/AmazonRDS/latest/UserGuide/rds-proxy.monitoring.html
    proxies.create()
    proxies.make()
    one, _ = proxies.connect(), proxies.connect(ssl_context=False)
    for number in range(5):
        one.ask("select %s::int", number)
    proxies.cloud.sleep_and_settle(130)
    watch = proxies.cloud.client("cloudwatch")

    def told(name, statistic, **more):
        dimensions = [{"Name": key, "Value": value} for key, value in {"ProxyName": "pool", **more}.items()]
        points = watch.get_metric_statistics(
            Namespace="AWS/RDS", MetricName=name, Dimensions=dimensions, StartTime=proxies.cloud.now() - 600, EndTime=proxies.cloud.now() + 60,
            Period=60, Statistics=[statistic],
        )["Datapoints"]  # fmt: skip
        return [each[statistic] for each in points]

    assert max(told("ClientConnections", "Maximum")) == 2 and max(told("ClientConnectionsTLS", "Maximum")) == 1
    assert sum(told("QueryRequests", "Sum")) == 5 and sum(told("ClientConnectionsSetupSucceeded", "Sum")) == 2
    assert max(told("DatabaseConnections", "Maximum", TargetGroup="default", Target="db:orders")) == 1
    assert all(0 < each < 60e6 for each in told("QueryDatabaseResponseLatency", "Average"))
    assert set(told("AvailabilityPercentage", "Average", TargetGroup="default", TargetRole="READ_WRITE")) == {100.0}
    assert told("ClientConnections", "Maximum", TargetGroup="default", Target="db:orders") == []


def test_a_proxy_is_billed_by_the_processors_of_its_target(proxies):
    # https://aws.amazon.com/rds/proxy/pricing/
    proxies.create()
    proxies.make()

    def stood():
        before = used(proxies.cloud).get(("rds:proxy_vcpus", "pool"), 0.0)
        proxies.cloud.sleep_dark(3_600)
        return used(proxies.cloud).get(("rds:proxy_vcpus", "pool"), 0.0) - before

    assert stood() == pytest.approx(2, rel=0.01)
    proxies.until_proxy("available")
    proxies.rds.deregister_db_proxy_targets(DBProxyName="pool", DBInstanceIdentifiers=["orders"])
    proxies.cloud.sleep(1)
    assert stood() == 0


def test_a_stack_makes_a_database_with_a_proxy_and_its_users_come_in(proxies):
    stacks = proxies.cloud.client("cloudformation")
    trust = {"Statement": [{"Effect": "Allow", "Principal": {"Service": "rds.amazonaws.com"}, "Action": "sts:AssumeRole"}]}
    reads = {"Statement": [{"Effect": "Allow", "Action": "secretsmanager:GetSecretValue", "Resource": {"Fn::GetAtt": ["Database", "MasterUserSecret.SecretArn"]}}]}

    def template(percent, **more):
        return json.dumps({"Resources": {
            "Database": {"Type": "AWS::RDS::DBInstance", "DeletionPolicy": "Delete", "Properties": {
                "DBInstanceClass": "db.t3.micro", "Engine": "postgres", "AllocatedStorage": "20", "MasterUsername": "keeper",
                "ManageMasterUserPassword": True, "BackupRetentionPeriod": 0,
            }},
            "Role": {"Type": "AWS::IAM::Role", "Properties": {
                "AssumeRolePolicyDocument": trust, "Policies": [{"PolicyName": "reads", "PolicyDocument": reads}],
            }},
            "Proxy": {"Type": "AWS::RDS::DBProxy", "Properties": {
                "DBProxyName": "pool", "EngineFamily": "POSTGRESQL", "RoleArn": {"Fn::GetAtt": ["Role", "Arn"]}, "VpcSubnetIds": proxies.subnets(),
                "Auth": [{"AuthScheme": "SECRETS", "SecretArn": {"Fn::GetAtt": ["Database", "MasterUserSecret.SecretArn"]}}], **more,
            }},
            "Group": {"Type": "AWS::RDS::DBProxyTargetGroup", "Properties": {
                "DBProxyName": {"Ref": "Proxy"}, "TargetGroupName": "default", "DBInstanceIdentifiers": [{"Ref": "Database"}],
                "ConnectionPoolConfigurationInfo": {"MaxConnectionsPercent": percent},
            }},
            "Side": {"Type": "AWS::RDS::DBProxyEndpoint", "Properties": {
                "DBProxyName": {"Ref": "Proxy"}, "DBProxyEndpointName": "side", "VpcSubnetIds": proxies.subnets(),
            }},
        }, "Outputs": {
            "Host": {"Value": {"Fn::GetAtt": ["Proxy", "Endpoint"]}}, "Side": {"Value": {"Fn::GetAtt": ["Side", "Endpoint"]}},
            "Secret": {"Value": {"Fn::GetAtt": ["Database", "MasterUserSecret.SecretArn"]}},
        }})  # fmt: skip

    def until(status):
        for _ in range(3_000):
            (shown,) = stacks.describe_stacks(StackName=stack)["Stacks"]
            if not shown["StackStatus"].endswith("IN_PROGRESS"):
                break
            with proxies.cloud.real_time():
                proxies.cloud.sleep(0.02)
        reasons = [each.get("ResourceStatusReason") for each in stacks.describe_stack_events(StackName=stack)["StackEvents"]]
        assert shown["StackStatus"] == status, "\n".join(each for each in reasons if each)
        return {each["OutputKey"]: each["OutputValue"] for each in shown.get("Outputs", ())}

    stack = stacks.create_stack(StackName="shop", TemplateBody=template(10), Capabilities=["CAPABILITY_IAM"])["StackId"]
    told = until("CREATE_COMPLETE")
    password = json.loads(proxies.secrets.get_secret_value(SecretId=told["Secret"])["SecretString"])["password"]
    for host in (told["Host"], told["Side"]):
        assert proxies.connect(host=host, password=password).ask("select 1") == [(1,)]
    stacks.update_stack(StackName="shop", TemplateBody=template(20, RequireTLS=True), Capabilities=["CAPABILITY_IAM"])
    until("UPDATE_COMPLETE")
    assert proxies.proxy()["RequireTLS"] is True
    config = proxies.rds.describe_db_proxy_target_groups(DBProxyName="pool")["TargetGroups"][0]["ConnectionPoolConfig"]
    assert (config["MaxConnectionsPercent"], config["MaxIdleConnectionsPercent"]) == (20, 10)
    stacks.delete_stack(StackName="shop")
    until("DELETE_COMPLETE")
    assert proxies.rds.describe_db_proxies()["DBProxies"] == []
