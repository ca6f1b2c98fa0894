"""Mirrordesk: one desk for many trading accounts."""
