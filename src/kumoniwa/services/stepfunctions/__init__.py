"""Step Functions: state machines in the Amazon States Language whose executions are rows and survive a kill.

``machine`` is what is kept of a state machine, ``execution`` of an execution; ``run`` moves an execution on, ``fan`` its
Parallel and Map states, ``task`` asks other services for it, ``payload`` is how data passes through a state; ``work``
takes up again what an earlier life of the region left unfinished.
"""
