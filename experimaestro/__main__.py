"""`python -m experimaestro`: the same as the command `experimaestro`."""

from experimaestro.cli import main

if __name__ == "__main__":
    main()
