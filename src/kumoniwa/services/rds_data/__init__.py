"""The Data API of RDS: statements for clusters of Aurora by calls of AWS, with a secret of Secrets Manager for who they are.

``access`` leads from a call to a session, ``transaction`` keeps those that last longer than a call, ``field`` turns values into what the server reads
and back, ``metadata`` tells of columns. It behaves as for Aurora Serverless v2 and provisioned clusters, not as it did for Serverless v1:
https://docs.aws.amazon.com/AmazonRDS/latest/AuroraUserGuide/data-api.differences.html

What AWS was seen to do where its documentation is silent is taken from the compatibility notes of a proxy over the Data API of Aurora PostgreSQL
17.9, and from the emulator of ez4, whose tests are run against AWS, too.
"""
