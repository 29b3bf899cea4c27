"""Stand-alone scripts that the Python of a target's environment runs, from Python 3.9 on."""
