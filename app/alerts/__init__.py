"""Alerts of a person: a price, a spread or an account's profit is watched, and they are told when it gets there."""
