"""Amazon API Gateway, REST APIs.

``restapi``, ``resource``, ``method``, ``integration``, ``model``, ``authorizer``, ``gatewayresponse``, ``deployment``,
``stage``, ``domain`` and ``usage`` are what a customer makes, each with its operations; ``api`` lists them. ``openapi`` reads whole
APIs, ``export`` writes them, ``invocation`` tries them. ``door`` is where an API's own callers come in: ``tree`` finds
their way, ``event`` speaks Lambda's language; ``transform`` stands between a method and what is no proxy (``mock``,
``function``, ``awsservice``, ``http``), with ``mapping`` for single values and ``template`` for whole bodies.
"""
