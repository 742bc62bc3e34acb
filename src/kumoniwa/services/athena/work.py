"""Queries run, a few at a time."""

from kumoniwa.services.athena.running import run

__all__ = ["run"]
