"""A corpus examined: what would hurt training, before training."""
