"""Amazon API Gateway, REST APIs.

``restapi``, ``resource``, ``method``, ``integration``, ``model``, ``authorizer``, ``gatewayresponse``, ``deployment``,
``stage`` and ``usage`` are what a customer makes, each with its operations; ``api`` lists them. ``openapi`` reads whole
APIs. ``door`` is where an API's own callers come in: ``tree`` finds their way, ``event`` speaks Lambda's language.
"""
