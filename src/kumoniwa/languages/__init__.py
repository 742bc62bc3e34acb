"""The small languages AWS users write. Pure functions."""
