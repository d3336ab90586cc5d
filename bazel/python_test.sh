#!/bin/bash
# Runs the unittest cases of the module named.
exec python3 -B -m unittest --verbose "$@"
