"""AWS Secrets Manager: values that are read by few, changed by functions, and kept in several regions.

``secret`` is what a secret is and how it is found, ``envelope`` how its values are encrypted, ``stage`` the labels of its versions,
``value`` how values are put and read, ``life`` how secrets are made, listed and deleted, ``rotation`` and ``replica`` what happens to
them by itself, ``policy`` who may, ``password`` what nobody guesses, ``work`` what happens in its own time.
"""
