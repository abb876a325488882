"""The HTTP server, the record of calls, and scripted faults."""
