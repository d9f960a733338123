"""Specs: strict reading, the data model, and what a valid spec says."""

from flopsheet.spec.entries import Expectation, Given, Group, ModelSpec, Spec
from flopsheet.spec.load import load

__all__ = ["Expectation", "Given", "Group", "ModelSpec", "Spec", "load"]
