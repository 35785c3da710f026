#!/bin/sh
# The package from its wheel in a fresh virtual environment, with gymnasium and numpy of PyPI: see light.py.
. ./tests/python/lib.inc
prepare numpy 'gymnasium>=1.0'
run light.py "$1"
