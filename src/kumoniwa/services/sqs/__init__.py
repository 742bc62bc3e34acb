"""Amazon SQS: the service a newcomer reads first.

``api`` holds the operations, ``queue`` what a queue is and may be, ``permission`` what others may do with one, ``message`` how
messages lie, are taken and go away, ``fifo`` order and exactly-once, ``work`` the tasks that move messages from one queue to another.
"""
