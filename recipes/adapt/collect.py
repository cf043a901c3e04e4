"""Writes a manifest of each speaker of a corpus with a few minutes of speech, for `speechrnn adapt`.

python recipes/adapt/collect.py LAYOUT CORPUS OUT [MINUTES]
"""

import sys
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

from speechrnn.audio import measure_duration
from speechrnn.manifest import Utterance, write_manifest
from speechrnn.prepare.corpora import find_corpus


def main(layout: str, corpus: Path, out: Path, minutes: float = 10.0) -> None:
    """Writes OUT/SPEAKER.jsonl, the first utterances of each speaker."""
    out.mkdir(parents=True, exist_ok=True)
    speakers: dict[str, list[Utterance]] = defaultdict(list)
    for utterances in find_corpus(layout).read(corpus.resolve(), ()).values():
        for one in utterances:
            speakers[one.speaker].append(one)
    for speaker, utterances in speakers.items():
        taken, seconds = [], 0.0
        for one in sorted(utterances, key=lambda one: one.id):
            duration = one.duration or measure_duration(Path(one.audio_filepath))
            if seconds + duration <= 60 * minutes:
                taken.append(replace(one, duration=duration))
                seconds += duration
        write_manifest(out / f"{speaker.replace('/', '_') or 'unknown'}.jsonl", taken)
        print(f"{speaker}\t{len(taken)} utterances\t{seconds / 60:.1f} minutes")


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), Path(sys.argv[3]), *map(float, sys.argv[4:]))
