"""What is fixed before the first record."""
