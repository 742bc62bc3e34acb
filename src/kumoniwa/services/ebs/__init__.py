"""The EBS direct APIs: snapshots written and read block by block.

What a snapshot is, where its blocks lie and which key they are under is EC2's (``services.ec2.ebs_record``, ``block``, ``ebs_key``). Here is how
they are written (``writing``) and read (``reading``), and the tokens by which somebody shows that he was told of a block (``token``).
"""
