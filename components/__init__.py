"""The only layer that declares resources. It takes descriptions from ``app_of_apps.objects`` and registers them.

The components read no file, no variable, no configuration and no network; ``program`` alone puts everything together,
and ``plugin`` serves that to programs in other languages.
"""
