"""What KMS of another region says to ours."""

from kumoniwa.services.kms.replica import hear

__all__ = ["hear"]
