"""How numbers and dates look, where Django's own formats do not fit a Saudi reader."""
