"""Amazon SES: mail that applications send, and the mailbox of this cloud in which all of it lies.

``identity`` is who may send, with its ``attributes``; ``verification`` how it is proven, ``account`` what an account may send,
``message`` how a mail is written, ``signing`` its DKIM signature, ``sending`` the checks and what becomes of a mail, ``template`` and
``templated`` mails that are written for many, ``configuration`` and ``event`` what is told of them and to whom, ``simulator`` and
``suppression`` who does not get them, ``receipt`` and ``reception`` what is done with mail that comes in, ``mailbox`` where mails are
kept and read, ``door`` the addresses that verification links and test authors open.
"""
