"""How an intent becomes orders, and what is true about each of them."""
