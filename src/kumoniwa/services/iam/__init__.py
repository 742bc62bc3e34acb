"""IAM: who exists in an account and what they were granted. It lives in ``aws-global`` and nowhere else; the regions
decide by replicas of the gate's records, which every change here rewrites in the same atomic call."""
