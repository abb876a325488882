"""What a person may say."""
