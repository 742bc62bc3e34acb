"""The handbook's custom metrics, as they are written there but for the client, which is given."""


def put_custom_metric(cloudwatch, metric_name, value, unit='Count'):
    cloudwatch.put_metric_data(
        Namespace='MyApp/UserService',
        MetricData=[
            {
                'MetricName': metric_name,
                'Value': value,
                'Unit': unit,
                'Dimensions': [
                    {
                        'Name': 'Service',
                        'Value': 'UserService'
                    },
                    {
                        'Name': 'Environment',
                        'Value': 'Production'
                    }
                ]
            }
        ]
    )
