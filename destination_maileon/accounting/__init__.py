"""Accounts for every record of a sync once."""
