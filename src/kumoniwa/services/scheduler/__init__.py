"""Amazon EventBridge Scheduler: one call at a time, or again and again, to any operation there is.

``schedule`` is what the customer makes, ``group`` where it lies, ``clock`` when it fires, ``delivery`` how its target is called,
``universal`` how a target names any operation.
"""
