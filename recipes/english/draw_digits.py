"""Prints 600 strings of one to five digits, in words, in an order that chance decides.

python recipes/english/draw_digits.py > strings.txt
"""

import random

WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")

if __name__ == "__main__":
    rng = random.Random(0)
    for _ in range(600):
        print(" ".join(rng.choices(WORDS, k=rng.randint(1, 5))))
