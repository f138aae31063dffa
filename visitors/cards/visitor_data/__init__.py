"""Keeps each visit: where it came from, what it saw, and the order it led to."""
