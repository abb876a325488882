"""Who leaves an audience when its stream no longer has them."""
