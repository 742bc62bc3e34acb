"""What Secrets Manager of another region says to ours."""

from kumoniwa.services.secretsmanager.replica import hear

__all__ = ["hear"]
