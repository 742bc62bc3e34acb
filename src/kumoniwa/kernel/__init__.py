"""Who asks, what time it is, what happened."""
