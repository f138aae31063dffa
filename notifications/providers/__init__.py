"""Those who carry messages: one module each."""
