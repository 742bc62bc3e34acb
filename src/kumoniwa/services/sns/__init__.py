"""Amazon SNS: topics that tell each of their subscribers what is published.

``api`` names the operations and answers the gate; ``topic``, ``permission`` and ``subscription`` say what is kept, ``subscribing`` and
``publishing`` what is done with it; ``message`` what may be said, ``envelope`` and ``certificate`` how it is written and signed, ``sealing`` how it lies encrypted, ``fifo`` in which
order and ``replay`` again; ``delivery``, ``http``, ``mail``, ``phone`` and ``delivery_policy`` bring it there; ``application`` and ``device`` say to which apps ``push`` sends,
``sandbox`` to which phones ``phone`` does; ``door`` answers the links, and what phones and devices say.
"""
