"""Limits that settings and commands share; imported in no time, so that a command's help need not wait for settings."""

from typing import Literal

WIDEST_BEAM = 100_000
"""Prefixes of a beam search at most."""

MOST_WARPS = 15
"""Lengths of the vocal tract at most as which a model hears."""

SplitBy = Literal["speakers", "sentences", "utterances", "train", "dev", "test"]
"""What a corpus without splits is split by, or the split that all of it becomes."""
