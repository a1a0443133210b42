"""How long this project takes, side by side with the plainest thing that does the same job.

    python -m bench                     every measurement, table on the screen and in docs/benchmarks.md
    python -m bench --quick             fewer repetitions and smaller sizes; nothing is saved
    python -m bench --only noop,validate

Each measurement brings up its own sandbox in a temporary folder and removes it again.
"""
