"""CloudFront KeyValueStore: the pairs in the stores that functions read at edge locations.

It lives in aws-global beside CloudFront, which makes the stores (``gate.edge_store``).
"""
