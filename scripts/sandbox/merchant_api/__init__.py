"""Salla's Merchant API under /admin/v2, for what the product uses."""
