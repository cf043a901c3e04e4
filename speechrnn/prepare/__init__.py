"""Corpora in, manifests and a feature store out."""
