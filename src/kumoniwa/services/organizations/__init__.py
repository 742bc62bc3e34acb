"""Organizations: ``organization`` itself and its policy types, its ``tree`` of units, its ``account``s and how they are made, ``policy``
documents and what they are attached to, ``effective`` policies, ``handshake``s, ``delegation`` and trusted services, ``tag``s.

Everything lies in the management account; what the gate needs of it is published to every region by ``membership``.
"""
