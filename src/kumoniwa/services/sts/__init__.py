"""STS: temporary keys, in every region. A session travels in its sealed token, so no region must remember it."""
