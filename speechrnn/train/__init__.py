"""A feature store in, a model out."""
