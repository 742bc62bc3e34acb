"""Three kinds of state: shelf (frozen records), rows (hot data in SQLite), blobs (files); and the journal."""
