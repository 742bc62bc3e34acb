"""The handbook's setup of central logging, repaired: the account is one of twelve digits, and streams and roles are there."""


def setup_centralized_logging(logs_client, region, stream_arn, role_arn):
    destination = logs_client.put_destination(
        destinationName=f"CentralLogDestination-{region}", targetArn=stream_arn, roleArn=role_arn
    )["destination"]
    logs_client.put_subscription_filter(
        logGroupName="/aws/lambda/app-function", filterName="CentralLogsFilter", filterPattern="", destinationArn=destination["arn"]
    )
