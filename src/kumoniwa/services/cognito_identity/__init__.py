"""Amazon Cognito identity pools: temporary keys of AWS for whoever a user pool, or a developer's own sign-in, vouches for.

``pool`` is what an owner says, ``identity`` who has come, ``login`` what proves them, ``credential`` the keys that they get by way of STS
(``mapping`` chooses the role), ``developer`` those that an application vouches for itself. ``exchange`` tells STS the keys of tokens.
"""
