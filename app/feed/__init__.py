"""Which price is the newest, how old it is, and whether it may be trusted."""
