"""The drill file: read, checked line by line, and turned from its short form into the one Chaos Toolkit runs.

``page`` (YAML with line numbers, complaints), ``quantity`` (60s, 20/s), ``plan`` (what a drill is), ``workload`` and ``expectations``
(the parts both forms share), ``short_form``, ``chaos_form``, ``fault_names`` (what can be broken), ``fis`` (AWS FIS templates).
"""
