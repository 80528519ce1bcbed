"""Databases among what is exported and imported."""

from tests.support.driver import left_sockets

__all__ = ["left_sockets"]
