"""`python -P -m supervisor` is `wakeeper`."""

from supervisor.cli import main

if __name__ == "__main__":
    main()
