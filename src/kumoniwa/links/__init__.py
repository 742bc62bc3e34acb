"""The arrows between services and between regions."""
