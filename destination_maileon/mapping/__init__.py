"""How a record becomes a contact."""
