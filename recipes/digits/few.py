"""How many recordings of a stranger his mean needs: errors when it is taken of none, one, ten, fifty or all of them.

    python recipes/digits/few.py OUT

OUT is what leave_one_out.sh made. Which recordings are taken is drawn with seed 0; all are read, by their letters.
"""

import random
import sys
from pathlib import Path

from speechrnn.audio import read_utterance
from speechrnn.parallel import map_in_order
from speechrnn.prepare.prepared import list_parts
from speechrnn.prepare.speakers import FrameSum
from speechrnn.prepare.store import FeatureStore
from speechrnn.transcribe.decoding import make_decoder
from speechrnn.transcribe.listener import open_listener
from speechrnn.transcribe.recognizer import Recognizer
from speechrnn.words import to_text

COUNTS = (0, 1, 10, 50, 500)


def main(out: Path) -> None:
    """Prints a line a stranger, and the rates of all together."""
    totals = dict.fromkeys(COUNTS, 0)
    recordings = 0
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        listener = open_listener(folder / "average")
        decoder = make_decoder(listener.info, words=Path("digits"), letters=True)
        store = FeatureStore(list_parts(folder / "data"), "test")
        signals = [read_utterance(utterance) for utterance in store.utterances]
        recordings += len(store)
        errors = []
        for count in COUNTS:
            drawn = random.Random(0).sample(range(len(store)), count)
            known = listener.for_speaker(FrameSum.of(store[index] for index in drawn).mean) if count else listener
            recognizer = Recognizer(known, "", decoder)
            heard = [to_text(words) for words in map_in_order(recognizer.recognize, signals)]
            errors.append(sum(text != one.text for text, one in zip(heard, store.utterances, strict=True)))
            totals[count] += errors[-1]
        print(f"{folder.name:<10}", *(f"{number:>4}" for number in errors), flush=True)
    print(f"{'all':<10}", *(f"{100 * number / recordings:.1f} %" for number in totals.values()))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
