"""When to stop: who may trade now, and the kill switch."""
