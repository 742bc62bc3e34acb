"""S3: buckets whose names the whole world shares, and objects in them.

Objects are rows, their bodies stand in the row or, when larger, in files. Declared is what works; S3's encryption at
rest is done where it is asked for (a header or the bucket's configuration) and then really done: unlike at AWS, an
object for which nobody asked is stored as it is, and no answer says otherwise.
"""
