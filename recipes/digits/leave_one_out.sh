#!/bin/sh
# Each of the six speakers once as a stranger: the English model that ships learns digits from the other five, twice, with
# two seeds, and the average of both is tested on all that the one said.
#
#   sh recipes/digits/leave_one_out.sh FSDD [OUT] [more options of speechrnn train]
#
# FSDD is the repository's folder, OUT defaults to runs/digits-strangers. Run again after a kill, it goes on.
# SPEAKERS="theo lucas" leaves only these out.
set -eu

here=$(dirname "$0")
corpus=$1
out=${2:-runs/digits-strangers}
[ $# -ge 2 ] && shift 2 || shift 1

speakers=${SPEAKERS:-george jackson lucas nicolas theo yweweler}
for speaker in $speakers; do
    speechrnn prepare fsdd "$corpus" --out "$out/$speaker/data" --test-speakers "$speaker"
    for seed in 0 1; do
        speechrnn train "$out/$speaker/data" --recipe "$here/strangers.toml" --set training.seed=$seed --init english \
            --out "$out/$speaker/seed$seed" --resume "$@"
    done
    python "$here/average.py" "$out/$speaker/seed0" "$out/$speaker/seed1" "$out/$speaker/average"
done
for speaker in $speakers; do
    for words in "" "--words digits --letters" "--words digits --letters --warps 3"; do
        printf '%-10s' "$speaker"
        # shellcheck disable=SC2086  # options, or nothing
        speechrnn score "$out/$speaker/data" --model "$out/$speaker/average" --worst 0 $words | grep -F '%WER'
    done
done
