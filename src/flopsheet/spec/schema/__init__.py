"""The shape of a spec: its data model, its validation, its JSON Schema."""
