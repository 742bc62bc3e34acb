"""The second API of Amazon SES: other names for the identities, templates, configuration sets and mails that ``services/ses`` keeps.

What only this API has lies here: ``contact`` lists, ``tag``s, and the ``account``'s way out of the sandbox.
"""
