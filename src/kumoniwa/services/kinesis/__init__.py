"""Amazon Kinesis Data Streams: records in shards, each kept in order for as long as its stream says.

``stream`` is what a stream and its shards are, ``resharding`` how shards become others, ``record`` how records lie and are read, ``rate``
what a shard allows, ``consumer`` and ``subscription`` the enhanced fan-out, ``work`` forgets what is too old.
"""
