"""A model and one's own voice: sentences recorded, a model that learns from them, and what it brought."""
