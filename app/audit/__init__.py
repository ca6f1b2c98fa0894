"""What was done, by whom, from where: append-only and hash-chained."""
