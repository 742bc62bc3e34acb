"""What becomes of a mail at each of its recipients: the mailbox simulator's addresses behave as AWS's do, everybody else is delivered to.

https://docs.aws.amazon.com/ses/latest/dg/send-an-email-from-console.html#send-email-simulator
"""

from __future__ import annotations

DOMAIN = "simulator.amazonses.com"
OUTCOMES = {
    "success": "Delivered",
    "bounce": "Bounced",
    "ooto": "OutOfOffice",
    "complaint": "Complained",
    "suppressionlist": "Suppressed",
}
"""OutOfOffice and Complained were delivered first."""


def is_simulated(bare: str) -> bool:
    return bare.lower().endswith(f"@{DOMAIN}")


def outcome(bare: str) -> str:
    """An address of the simulator may carry a label: bounce+label1@simulator.amazonses.com."""
    if not is_simulated(bare):
        return "Delivered"
    name = bare.lower().partition("@")[0].partition("+")[0]
    return OUTCOMES.get(name, "Bounced")
