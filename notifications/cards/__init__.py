"""Cards: one folder each (docs/new-card.md)."""
