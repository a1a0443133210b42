"""``python -m app_of_apps`` is ``aoa``."""

from app_of_apps.cli.main import main

if __name__ == "__main__":
    main()
