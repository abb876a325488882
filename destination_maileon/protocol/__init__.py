"""Airbyte's bytes: lines in, lines out."""
