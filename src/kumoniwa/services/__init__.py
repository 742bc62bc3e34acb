"""What AWS says it does."""
