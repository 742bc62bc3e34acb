"""AWS Systems Manager: the Parameter Store, documents that automate, managed nodes and commands, OpsItems, and maintenance windows.

``parameter`` is what a parameter is and how it is found, ``writing`` and ``reading`` how it is put and read, ``filtering`` which ones,
``sealing`` how SecureStrings are encrypted, ``policy`` how parameters expire. ``document`` is what somebody wrote down to be done, ``owned`` what AWS did,
``execution`` how far an automation has come, ``running`` how it goes on, ``action`` what its steps do. ``opsitem`` is work to look into;
``telling`` what EventBridge hears of both;
``window`` is when something may be done, ``window_task`` what, ``window_run`` how far it has come, ``window_running`` how it goes on;
``activation`` is how machines become managed nodes, ``node`` what is known of one, ``door`` and ``agent`` what its agent asks. ``command`` is what
was sent to nodes, ``command_sending`` how, ``command_progress`` how it goes on, ``command_notice`` who is told.
``tag`` and ``tagging`` are tags of everything, ``work`` what happens in its own time.
"""
