"""Amazon API Gateway, the connections of WebSocket APIs: what a back end says to clients that are connected now.

``api`` holds the three operations; who is connected stands in ``apigatewayv2.connection``.
"""
