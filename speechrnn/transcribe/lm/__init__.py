"""Word n-gram models: built, read, asked."""
