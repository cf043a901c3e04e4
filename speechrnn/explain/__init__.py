"""The course, made visible."""
