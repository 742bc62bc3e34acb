"""AWS X-Ray: segments that services send of their part of a request, put together again to traces and to a map of services.

``segment`` is how documents come in, ``trace`` what they say together, ``summary`` and ``graph`` what is shown of it, ``sampling``
and ``group`` configuration, ``account`` how data is kept and who may send, ``work`` the clock. ``door`` takes spans of OpenTelemetry, which
``otlp`` reads and ``span`` makes segments of; ``destination`` is where traces are kept. ``anomaly`` finds services that fault
more than expected, and ``insight`` is what is told of it.
"""
