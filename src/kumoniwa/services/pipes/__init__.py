"""Amazon EventBridge Pipes: from one source through filter, enrichment and transformation to one target.

``pipe`` is what the customer makes, ``life`` how it changes its state, ``customer`` as whom ``intake`` reads its source, ``execution``
what is done with a batch, ``transform`` what enrichment and target are given, ``enrichment`` and ``target`` how they are called, ``log``
what is told of it.
"""
