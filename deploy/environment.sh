#!/bin/sh
# Makes the environment that everything runs in, from requirements.lock, every package checked against its hash.
# $1: where; $2: which Python (left out: the newest that is found). Used by the Makefile.
set -eu
where=$1
wanted=${2:-}

fits() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; }

find_python() {
	for candidate in ${wanted:-python3 python3.14 python3.13 python3.12 python3.11 python}; do
		if command -v "$candidate" >/dev/null 2>&1 && fits "$candidate"; then
			command -v "$candidate"
			return
		fi
	done
}

python=$(find_python)
if [ -z "$python" ]; then
	echo "Gatehouse needs Python 3.11 or later; found: $(${wanted:-python3} --version 2>&1 || echo none)." >&2
	echo "Install one, or name it: make run PYTHON=/path/to/python3.12" >&2
	exit 1
fi

if ! fits "$where/bin/python"; then
	echo "Making $where with $python"
	rm -rf "$where"
	if ! "$python" -c 'import venv, ensurepip' 2>/dev/null; then
		echo "This Python cannot make environments. On Debian and Ubuntu: apt install python3-venv" >&2
		exit 1
	fi
	"$python" -m venv "$where"
fi

echo "Installing the packages of requirements.lock into $where; this takes a minute"
pip="$where/bin/python -m pip --disable-pip-version-check --quiet"
$pip install --require-hashes --no-deps -r requirements.lock
$pip install --no-deps --no-build-isolation -e .
