"""Amazon API Gateway, HTTP APIs and WebSocket APIs.

``definition`` is what an owner has said of an API; ``apis``, ``route``, ``integration``, ``authorizer``, ``model``, ``stage``,
``domain``, ``tag``, ``openapi`` and ``export`` are the operations by which it is said, gathered in ``api``. ``door`` is where
an API's own callers come in. HTTP: ``served`` finds the route, ``guard`` (with ``issuer``) says who may, ``backend`` asks
what stands behind (``httpevent`` is its language, ``parameter`` and ``mapping`` what is changed on the way, ``awsaction``
other services), ``cors`` speaks to browsers. WebSocket: ``socketstage`` finds the route, ``socketbackend`` asks
(``socketevent``), ``socket`` leads the conversation, ``connection`` knows who is there.
"""
