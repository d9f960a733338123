"""YAML 1.2: strict reading with places, writing, merging."""
