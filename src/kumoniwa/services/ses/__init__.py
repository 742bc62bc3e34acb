"""Amazon SES: mail that applications send, and the mailbox of this cloud in which all of it lies.

``identity`` is who may send, ``verification`` how an identity is proven, ``account`` what the account may send, ``message`` how a mail is
written, ``signing`` its DKIM signature, ``sending`` the checks and what becomes of a mail, ``mailbox`` where mails are kept and read,
``door`` the addresses that verification links and test authors open.
"""
