"""Strategies: what to trade, in which accounts; and runs: one life of a strategy from entry to flat."""
