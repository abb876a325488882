"""The server, the calls it got, and what goes wrong by order."""
