"""A bar above the shop, with more settings than are asked at once."""
