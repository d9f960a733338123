"""Variants of a model or run: their axes, their combinations, their inputs as columns."""
