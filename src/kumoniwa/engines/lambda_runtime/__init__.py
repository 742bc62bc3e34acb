"""Lambda runtimes: functions run as real child processes of their region.

``runtimes`` is the door, ``environment`` one sandbox, ``pool`` the sandboxes of one function version, ``package``
what is inside a zip. ``zygote``, ``runner`` and ``console`` run in the children and import nothing else of ours;
``frames`` is the language between the two sides. ``runtime_api`` speaks AWS's Runtime API to everything not Python.
"""
