"""Client for the part of Maileon's REST API that synchronizes contacts; no word of Airbyte."""
