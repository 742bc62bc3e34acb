"""CloudFront: distributions that are configured in one place and served from every region, each an edge location with a cache of its own.

The control plane (``api`` and the nouns it gathers) lives in aws-global. What it holds is followed by every region
(``gate.edge``), where ``door`` answers viewers: ``behavior`` says how, ``signed`` whether, ``cache`` from memory,
``origin`` from where the content comes, ``script`` what functions make of it.
"""
