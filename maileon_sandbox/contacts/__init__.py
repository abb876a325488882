"""How a sent contact is read, judged and stored, and what the report says of it."""
