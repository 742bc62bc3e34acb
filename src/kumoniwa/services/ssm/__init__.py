"""AWS Systems Manager: the Parameter Store, documents that automate, and OpsItems.

``parameter`` is what a parameter is and how it is found, ``writing`` and ``reading`` how it is put and read, ``filtering`` which ones,
``sealing`` how SecureStrings are encrypted, ``policy`` how parameters expire, ``tag`` tags of everything.
"""
