"""From records to settled requests: batches, scheduling, sending, and answers."""
