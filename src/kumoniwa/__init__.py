"""Kumoniwa (雲庭, a garden of clouds): whole AWS architectures on one machine, broken on purpose, measured."""

__version__ = "0.1.0"
