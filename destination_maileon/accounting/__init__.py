"""Every record, once."""
