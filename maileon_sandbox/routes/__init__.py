"""The routes of the API, and the form of their answers."""
