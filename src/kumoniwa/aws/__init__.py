"""What Amazon says. The only room that reads botocore's data."""
