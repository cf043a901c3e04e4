"""One manifest of several corpora: python recipes/doctor/join.py fsdd:FSDD tsv:sentences ... > all.jsonl."""

import json
import sys
from pathlib import Path

from speechrnn.prepare.corpora import find_corpus


def main() -> None:
    for argument in sys.argv[1:]:
        layout, _, folder = argument.partition(":")
        for utterances in find_corpus(layout).read(Path(folder).resolve(), ()).values():
            for one in utterances:
                line = {"audio_filepath": one.audio_filepath, "text": one.text, "speaker": one.speaker}
                print(json.dumps(line | {"id": f"{Path(folder).name}-{one.id}"}))


if __name__ == "__main__":
    main()
