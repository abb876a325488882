"""What the account holds: contacts, definitions, markers, audiences."""
