"""Asks shoppers for an address or a number, in words that they agree to."""
