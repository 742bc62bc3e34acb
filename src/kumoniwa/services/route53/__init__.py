"""Route 53: hosted zones, routing, health checks, and the name server that answers from them.

The control plane (``api`` and the nouns it gathers) lives in aws-global. What it holds is published, row by row, to aws-edge
(``publication``, ``exchange``), where the data plane answers DNS (``server``, ``answer``, ``routing``) and probes endpoints
(``checking``, ``probe``) whether or not the control plane is alive.
"""
