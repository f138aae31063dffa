"""The outside world, held to the published samples and to its own promises."""
