#!/usr/bin/env bash
# The benchmarks, one after the other; `make bench` runs them. The sign-in is measured on SQLite and on PostgreSQL: on
# the server that BENCH_POSTGRESQL=postgresql://… names, or on a private one where PostgreSQL is installed. Nothing else
# should be running.
set -euo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
python=.venv/bin/python
headline() { printf '\n== %s\n' "$1"; }

headline "Signing in, on SQLite"
$python bench/sign_in.py
headline "Signing in, on PostgreSQL"
$python bench/postgresql.py $python bench/sign_in.py --database
headline "Importing organisations"
if [ -f ../shared/data/organisations/ror.csv ]; then
	$python bench/organisation_import.py
else
	echo "../shared/data is not there: left out; bench/organisation_import.py FILE measures another file"
fi
headline "Backup of the embedded database"
$python bench/backup.py
headline "Web servers"
$python bench/servers.py
headline "The contacts list of one large organisation"
$python bench/contacts_list.py --people 100000
$python bench/postgresql.py $python bench/contacts_list.py --people 100000 --database
headline "Files of people"
$python bench/people_files.py --people 10000
