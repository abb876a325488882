"""What a record costs: the connector beside the floor and beside the plain connector."""
