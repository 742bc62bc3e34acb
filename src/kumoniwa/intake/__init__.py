"""What reads queues and streams for services that act on what comes: Lambda's event source mappings, pipes.

``customer`` says what a reader must know of whom it reads for. ``queue`` and ``stream`` are the readers, ``feed`` what differs between
streams, ``filter`` which records concern the customer, ``place`` how far a stream was read, ``window`` records of one span of time,
``reading`` who is read for now.
"""
