"""AWS Backup: plans that say what is kept, when and where; vaults that keep it encrypted and may be locked; and what is made of it again.

``vault`` and ``lock`` are where recovery points lie, ``plan``, ``selection`` and ``schedule`` what is backed up of itself, ``job``,
``copying`` and ``restoring`` what is done (``taking`` by backup jobs, ``continuing`` by backups that follow a bucket; ``running`` sees to
it), ``point`` what came of it and ``upkeep`` what becomes of that; ``agenda`` knows what is due when. ``keeping`` holds the bytes;
``table`` and ``bucket`` take them from DynamoDB and S3 and give them back. ``lodging`` is about what lies elsewhere as a snapshot, ``database`` of RDS,
``volume`` of EBS. ``testing_plan`` says when points are restored for a test, and
``testing`` does it. ``hold`` keeps points from ending. ``telling`` says what happened; ``setting``, ``protected``, ``tag`` are what their
names say.
"""
