#!/bin/sh
# Prints the path of a Python 3.11 to 3.13 that can make virtual environments, or says on one line what to install
# and exits with 1. Looks at $PYTHON first (and then at nothing else), then at PATH, then where pyenv, uv, Homebrew
# and python.org put it. 3.11 comes first because it is what the Space runs.

right_version() {
    "$1" -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1
}

suits() {
    right_version "$1" || return 1
    # Debian leaves ensurepip out of its python3 package.
    "$1" -c 'import ensurepip, venv' >/dev/null 2>&1 && return 0
    incomplete=$1
    return 1
}

incomplete=
if [ -n "$PYTHON" ]; then
    found=$(command -v "$PYTHON" 2>/dev/null) && suits "$found" && { echo "$found"; exit 0; }
    [ -n "$incomplete" ] || { echo "PYTHON=$PYTHON is not a Python 3.11, 3.12 or 3.13." >&2; exit 1; }
else
    for name in python3.11 python3.12 python3.13 python3 python; do
        found=$(command -v "$name" 2>/dev/null) && suits "$found" && { echo "$found"; exit 0; }
    done
    for version in 3.11 3.12 3.13; do
        for found in \
            "${PYENV_ROOT:-$HOME/.pyenv}"/versions/"$version"*/bin/python3 \
            "${UV_PYTHON_INSTALL_DIR:-$HOME/.local/share/uv/python}"/cpython-"$version".*/bin/python3 \
            /opt/homebrew/opt/python@"$version"/bin/python"$version" \
            /usr/local/opt/python@"$version"/bin/python"$version" \
            /Library/Frameworks/Python.framework/Versions/"$version"/bin/python3
        do
            [ -x "$found" ] && suits "$found" && { echo "$found"; exit 0; }
        done
    done
fi

if [ -n "$incomplete" ]; then
    echo "$incomplete cannot make virtual environments: install its venv package (Debian, Ubuntu: sudo apt install python3-venv)." >&2
else
    echo "No Python 3.11, 3.12 or 3.13 found: install one (https://www.python.org/downloads/) or set PYTHON to its path." >&2
fi
exit 1
