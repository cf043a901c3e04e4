"""`python -m speechrnn`, as torchrun starts it."""

from speechrnn.cli import main

main()
