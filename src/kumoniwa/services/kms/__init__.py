"""AWS Key Management Service: keys that never leave, and what is done with them.

``key`` is what a key is and how it is found, ``material`` its secrets and the ciphertexts they make, ``life`` how keys are made, brought,
rotated and deleted, ``use`` the cryptographic operations, ``policy`` and ``grant`` who may, ``alias`` other names, ``replica`` keys of
several regions, ``work`` what happens in its own time.
"""
