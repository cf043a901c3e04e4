"""A model and recordings in, transcripts out."""
