"""Starter specs for flopsheet init."""
