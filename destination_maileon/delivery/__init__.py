"""How batches of contacts become settled."""
