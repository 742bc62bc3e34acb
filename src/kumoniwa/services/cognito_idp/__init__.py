"""Amazon Cognito user pools: who signs up, who signs in, and the tokens that say so.

``pool``, ``client``, ``group``, ``resourceserver`` and ``domain`` are what an owner says; ``user`` and ``schema`` who is known and by
which words; ``signup``, ``recovery`` and ``selfservice`` what people do for themselves, with a ``code`` that ``delivery`` brings them, or
a function of the customer's (``sender``); ``signin`` leads through challenges (``choice``, ``proof``, ``srp``, ``passkey``, ``device``,
``factor``, ``custom``) to a ``token``; ``provider``, ``federation``, ``saml`` and ``linking`` let people in whom somebody else knows; ``trigger`` asks
the customer's functions. ``door`` shows keys and the hosted pages, ``exchange`` tells the gate the keys. ``place`` finds a pool for those
who name no account and seals what is secret.
"""
