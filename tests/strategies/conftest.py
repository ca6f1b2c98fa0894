"""The journal with its clock, on both databases."""

from tests.execution.conftest import any_desk

__all__ = ["any_desk"]
