"""Resource Groups: named queries of what an account has in a region, by tags or by the stack that made it.

``group`` is what is kept, ``query`` reads and asks, ``kind`` knows of which type of CloudFormation's an ARN is. What belongs to a group is
found when somebody asks, as whoever asks: it is asked of the Resource Groups Tagging API and of CloudFormation.
"""
