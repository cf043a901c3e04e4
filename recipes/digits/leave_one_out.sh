#!/bin/sh
# Each of the six speakers once as a stranger: the English model that ships learns digits from the other five, twice, with
# two seeds, and the average of both is tested on all that the one said; then it hears that, in three rounds, learns from
# what it heard, without anybody's texts, and is tested on it again.
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
    speechrnn adapt "$out/$speaker/data/test.jsonl" --untranscribed --rounds 3 --phrases digits --letters \
        --model "$out/$speaker/average" --out "$out/$speaker/heard"
done
# Prints the word error rate on all that a speaker said, of a model, with options or without.
test_model() {
    printf '%-10s' "$1"
    # shellcheck disable=SC2086  # options, or nothing
    speechrnn score "$out/$1/data" --model "$out/$1/$2" --worst 0 $3 | grep -F '%WER'
}

for speaker in $speakers; do
    for words in "" "--words digits --letters" "--words digits --letters --warps 3" "--phrases digits --letters"; do
        test_model "$speaker" average "$words"
    done
    for round in 1 2 3; do
        test_model "$speaker" "heard/round$round/run" "--phrases digits --letters"
    done
    test_model "$speaker" heard/run ""
done
