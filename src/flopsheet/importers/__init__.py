"""Specs from the files of other programs."""
