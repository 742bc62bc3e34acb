"""S3 Control: what is asked of S3 about an account and its resources, its access points, and jobs that work through many objects.

Of batch operations ``S3ReplicateObject`` is done, S3 Batch Replication; the others are refused by name.
"""
