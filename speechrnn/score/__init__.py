"""References and hypotheses in, error counts and reports out."""
