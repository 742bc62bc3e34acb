"""Elastic Container Registry: repositories of images, by AWS's operations and by those of any registry."""
