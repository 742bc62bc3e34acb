"""Amazon Data Firehose: records on their way into a bucket, gathered into files by size and time.

``stream`` is what a delivery stream is, ``buffer`` the records that wait, ``transform`` what is done to them, ``prefix`` where files go,
``partition`` what parts them, ``convert`` what makes them columns,
``delivery`` how they are written, ``source`` the stream of Kinesis they may come from, ``work`` the clock.
"""
