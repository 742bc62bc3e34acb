"""The network of a VPC as a process in it sees it: a network namespace, in which there is nothing but its own address and the doors that are open.

``namespace`` speaks to the kernel, ``switch`` is the process that opens doors and passes on what comes in at them, ``network`` is the region's end.
"""
