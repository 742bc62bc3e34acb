"""SSE-C in the buckets of tests, which block it like all that are made since April 2026."""


def allow_customer_keys(s3, bucket):
    """As AWS says: https://docs.aws.amazon.com/AmazonS3/latest/userguide/blocking-unblocking-s3-c-encryption-gpb.html"""
    block(s3, bucket, "NONE")


def block(s3, bucket, *types):
    rule = {"ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "AES256"}, "BlockedEncryptionTypes": {"EncryptionType": list(types)}}
    s3.put_bucket_encryption(Bucket=bucket, ServerSideEncryptionConfiguration={"Rules": [rule]})
