"""The calls that are answered, and the form of the answers."""
