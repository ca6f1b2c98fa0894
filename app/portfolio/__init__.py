"""What is held, what it cost, and whether the venue agrees."""
