#!/usr/bin/env bash
# Everything that proves the project; `make test` runs it. As root on Debian it installs what is missing; elsewhere it
# uses what is there and says what it left out. With CI=true nothing may be left out.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.."
# Each of the hundreds of processes that the tests start would compile the product anew.
unset PYTHONDONTWRITEBYTECODE
bin=.venv/bin
failed=()
skipped=()
declare -A package=(
	[chromium]=chromium [java]=default-jre-headless [nginx]=nginx [npm]=npm [postgres]=postgresql
	[redis-server]=redis-server [slapd]=slapd [strace]=strace [systemd-analyze]=systemd
)
# One worker more than there are processors: some tests wait, for a mail server or a limit.
workers=$(($(nproc) < 15 ? $(nproc) + 1 : 16))

# On the path, or where Debian puts what is not on it.
has() {
	local found
	for found in "$1" "/usr/sbin/$1" "/usr/lib/postgresql/"*"/bin/$1"; do
		command -v "$found" >/dev/null 2>&1 && return
	done
	return 1
}

install_missing() {
	local missing=()
	for program in "${!package[@]}"; do has "$program" || missing+=("${package[$program]}"); done
	[ "${#missing[@]}" -gt 0 ] && [ "$(id -u)" = 0 ] && has apt-get || return 0
	export DEBIAN_FRONTEND=noninteractive
	apt-get -qq update >/dev/null || echo "   apt does not get its lists" >&2
	# Where it is a package, Chromium without windows too: it does most of the same for half the work.
	! apt-cache show chromium-headless-shell >/dev/null 2>&1 || missing+=(chromium-headless-shell)
	echo "== Installing ${missing[*]}"
	# Services that come with the packages are not started: the tests start their own.
	local policy=/usr/sbin/policy-rc.d
	[ -e "$policy" ] && policy='' || { printf '#!/bin/sh\nexit 101\n' >"$policy" && chmod +x "$policy"; }
	apt-get -qq install -y --no-install-recommends "${missing[@]}" >/dev/null \
		|| echo "   could not install all of them" >&2
	[ -z "$policy" ] || rm -f "$policy"
}

step() {
	local name=$1
	shift
	echo "== $name"
	"$@" || failed+=("$name")
}

leave_out() {
	echo "== LEFT OUT: $1" >&2
	skipped+=("$1")
}

install_missing
for program in "${!package[@]}"; do has "$program" || leave_out "what needs ${package[$program]}"; done
[ -d ../shared/data ] || echo "== ../shared/data is not there: the tests on real data are skipped"

if has npm; then
	step "The Nu HTML checker" npm ci --silent --no-audit --no-fund --prefix tests/browser
else
	leave_out "the Nu HTML checker, which needs npm"
fi

step "Lint" "$bin/ruff" check .
step "Format" "$bin/ruff" format --check .
step "Types" "$bin/mypy"
step "Layers" "$bin/lint-imports"
if has postgres; then
	step "Tests on PostgreSQL" "$bin/pytest" -q -n "$workers" --database postgresql \
		-m "not browser and not any_database and not alone"
fi
step "Times" "$bin/pytest" -q -n 0 --database sqlite -m alone

# The last thing printed is the summary of the suite on SQLite, the browser's tests among it.
if [ "${#skipped[@]}" -gt 0 ] && [ "${CI:-}" = true ]; then failed+=("nothing left out"); fi
if [ "${#failed[@]}" -gt 0 ]; then printf '== FAILED: %s\n' "${failed[@]}" >&2; fi
echo "== Tests on SQLite, with the browser"
"$bin/pytest" -n "$workers" --database sqlite -m "not alone" || failed+=("Tests on SQLite")
[ "${#failed[@]}" -eq 0 ]
