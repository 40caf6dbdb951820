"""The old path of `experimaestro.experiment`."""

from experimaestro.session import experiment

__all__ = ["experiment"]
