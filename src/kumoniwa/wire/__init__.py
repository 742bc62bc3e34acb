"""Bytes <-> AWS shapes, model-driven; knows no service by name."""
