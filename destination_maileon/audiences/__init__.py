"""Who is in an audience that a stream keeps true to itself."""
