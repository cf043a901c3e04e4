"""`python -m speechrnn`, as torchrun starts it, and the command itself: Ctrl-C is heard from the first import on."""

import sys


def main() -> None:
    """Runs the command line and exits: 0 all well, 1 something failed, 2 wrong usage, 130 interrupted."""
    try:
        from speechrnn.interrupt import spare_imports

        with spare_imports():
            from speechrnn.cli import run

            status = run(sys.argv[1:])
    except KeyboardInterrupt:
        status = 130
    sys.exit(status)


if __name__ == "__main__":
    main()
