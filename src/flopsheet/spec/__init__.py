"""Specs: strict reading, the data model, and what a valid spec says."""

from flopsheet.spec.entries import Device, Expectation, Given, Group, ModelSpec, Run, Spec
from flopsheet.spec.load import load

__all__ = ["Device", "Expectation", "Given", "Group", "ModelSpec", "Run", "Spec", "load"]
