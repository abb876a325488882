"""Reading, validating and storing the contacts of a call, and its report."""
