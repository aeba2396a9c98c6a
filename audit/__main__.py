"""`python -m audit` is `simpul-audit`."""

from audit.cli import main

if __name__ == "__main__":
    main()
