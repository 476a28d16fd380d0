#!/bin/sh
# Everything that can be said about the code without running the suite: `make check`. Needs no server.
set -u
cd "$(dirname "$0")/.."
python=.venv/bin/python
failed=""

step() {
    name=$1
    shift
    printf '%s\n' "--- $name"
    "$@" || failed="$failed $name,"
}

# Only a shape of production: check reads settings, it connects to nothing.
deploy_check() {
    env BREAKGLASS_PROFILE=production \
        SECRET_KEY="$($python -c 'import secrets; print(secrets.token_urlsafe(60))')" \
        FIELD_KEYS="$($python -c 'import base64, os; print(base64.urlsafe_b64encode(os.urandom(32)).decode())')" \
        ALLOWED_HOSTS=breakglass.example PUBLIC_URL=https://breakglass.example \
        DATABASE_URL=postgres://breakglass@database.example/breakglass REDIS_URL=redis://redis.example/0 \
        METRICS_TOKEN=check EMAIL_HOST=mail.example DEFAULT_FROM_EMAIL=breakglass@breakglass.example \
        $python -W error::DeprecationWarning manage.py check --deploy --fail-level WARNING
}

migrations() {
    # Compares models with migrations; a database in memory keeps it from asking a server for its history.
    env BREAKGLASS_PROFILE=test DATABASE_URL=sqlite://:memory: $python manage.py makemigrations --check --dry-run
}

export BREAKGLASS_PROFILE=test
step "ruff check" $python -m ruff check .
step "ruff format" $python -m ruff format --check .
step "mypy --strict" $python -m mypy
step "import-linter" $python -c 'from importlinter.cli import lint_imports_command as run; run()'
step "djlint" $python -m djlint templates --lint --quiet
step "migrations" migrations
step "check --deploy" deploy_check

if [ -n "$failed" ]; then
    printf '%s\n' "make check: failed:${failed%,}"
    exit 1
fi
printf '%s\n' "make check: all clean"
