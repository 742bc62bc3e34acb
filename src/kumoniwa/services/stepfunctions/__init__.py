"""Step Functions: state machines in the Amazon States Language whose executions are rows and survive a kill.

``machine`` is what is kept of a state machine, ``release`` of its versions and aliases, ``execution`` of an execution. ``run`` moves an
execution on, ``flow_states`` its Pass, Wait, Choice, Succeed and Fail states, ``fan`` its Parallel and Map states, ``distributed`` (with
``bucket``) the Maps whose items are executions of their own.
``task`` asks other services for it, ``integration`` says whom and how; ``activity`` and ``token`` are tasks that others do. ``payload``
is how data passes through a state, ``logging`` what becomes of the history in a log, ``trial`` one state on its own; ``work`` does what
is due and takes up again what an earlier life of the region left unfinished.
"""
