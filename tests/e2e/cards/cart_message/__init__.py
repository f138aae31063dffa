"""A card that cannot work yet."""
