"""DynamoDB Streams: reading what ``services.dynamodb.stream`` noted."""
