"""Asks shoppers whether they may be known again."""
