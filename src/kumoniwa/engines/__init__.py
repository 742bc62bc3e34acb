"""Foreign machinery behind one small door each."""
