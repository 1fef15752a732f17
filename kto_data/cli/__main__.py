"""`python -m kto_data.cli`: the command `kto`, for where its script is not on the path."""

from kto_data.cli.main import main

if __name__ == "__main__":
    main()
