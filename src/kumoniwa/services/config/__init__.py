"""AWS Config: what resources there are and how they were, whether they are as rules want them, and what makes them so.

``recorder`` is who records what, ``channel`` where that is delivered, ``delivery`` how. ``resource`` is what a kind of resource is and how it
is asked for, the ``resource_…`` files are the kinds. ``capture`` follows what is called and takes configuration items, which ``item`` keeps
and shows; ``query`` selects from them, ``stored_query`` keeps how. ``rule`` is what a rule is, ``managed`` which of AWS's rules are evaluated, the ``check_…`` files how;
``evaluation`` runs rules, ``compliance`` is what came out. ``remediation`` makes things right by automations of Systems Manager, ``pack`` is
rules and remediations together. ``aggregator`` is a view of other accounts and regions, ``authorization`` who lets whom see, ``feed`` what a
source gives, ``gathering`` how it is read, ``aggregate`` what is shown of it. ``organization`` is what an organization has in all its
accounts, of rules and of packs. ``tag`` is tags of everything, ``work`` the clock.
"""
