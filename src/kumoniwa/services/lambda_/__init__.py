"""Lambda: functions that run as real processes of their region, under the keys of their role.

``name`` is how functions are named, ``function`` what they are, ``package`` their code, ``sandbox`` where they run and
``stream`` where their output goes; the other files hold the operations around them.
"""
