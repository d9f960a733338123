"""Specs: strict reading, the data model, and what a valid spec says."""

from flopsheet.spec.entries import Calibration, Device, Expectation, Group, InputValue, ModelSpec, Run, Search, Spec
from flopsheet.spec.load import load_spec

__all__ = [
    "Calibration", "Device", "Expectation", "Group", "InputValue", "ModelSpec", "Run", "Search", "Spec", "load_spec",
]  # fmt: skip
