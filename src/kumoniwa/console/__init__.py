"""What a person sees. Pages over the public doors only."""
