"""From the shape of a spec to the value of every input."""
