"""AWS AppSync: one GraphQL endpoint in front of many data sources.

What the customer makes: ``graphqlapi``, ``apikey``, ``schema`` (with ``scalar`` and ``typedef``), ``datasource``, ``resolver``,
``function``, ``logic``, ``cache``. What a request meets: ``door`` (HTTP), ``caller`` and ``admission`` (who asks and may), ``execution`` (the query),
``resolving`` (one field), ``code`` with ``runtime.js`` and ``template`` with ``toolbox`` (the customer's logic), ``source_*`` (where
data come from), ``subscription`` and ``realtime`` (what mutations tell those who listen).

Event APIs: ``eventapi`` and ``channel`` are made, ``event_door`` and ``event_realtime`` are where events come in and are heard (each client's
``connection``), ``handling`` is the customer's logic and ``broadcasting`` the way between.
"""
