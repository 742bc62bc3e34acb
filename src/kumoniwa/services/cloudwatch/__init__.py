"""Amazon CloudWatch: numbers over time, the questions one may ask of them, and the alarms that watch them.

``datum`` is what may be put, ``metric`` where it is kept and for how long, ``series`` how it is read; ``statistics`` and ``query`` are the
two questions.
"""
