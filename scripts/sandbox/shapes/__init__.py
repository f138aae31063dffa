"""Salla's JSON for the things of a store, with the quirks of the published samples."""
