"""Formulas over a history: pure functions, one subject per file, nothing measured here and nothing guessed.

``percentile``, ``windows`` (good, bad, unknown), ``recovery`` (RTO and its parts), ``loss`` (RPO as a list), ``availability``,
``exposure`` (staleness), ``lag`` and ``convergence`` of replicas, ``queueing``, ``sessions``, ``linearizable``, ``counters``,
``errors`` (rates and amplification), ``spread`` (over repeats).
"""
