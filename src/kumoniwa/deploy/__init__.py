"""From a template to calls."""
