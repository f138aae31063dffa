#!/usr/bin/env bash
# Runs a command (the tests) on real servers: those of DATABASE_URL and REDIS_URL, or this machine's own.
set -euo pipefail
cd "$(dirname "$0")/.."

answers() { (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null; }

wait_for() {
    for _ in $(seq 150); do
        answers "$1" && return
        sleep 0.2
    done
    echo "Error: $2 does not answer on port $1." >&2
    exit 1
}

# Start Debian's server, installed first if need be: own PORT PACKAGE
own() {
    answers "$1" && return
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "Error: no $2 on port $1: start one, or set DATABASE_URL and REDIS_URL." >&2
        exit 1
    fi
    if ! dpkg-query -W "$2" >/dev/null 2>&1; then
        echo "Installing $2."
        apt-get -qq update >/dev/null
        DEBIAN_FRONTEND=noninteractive apt-get -qq -y install "$2" >/dev/null
    fi
    service "$2" start >/dev/null 2>&1 || true
    wait_for "$1" "$2"
}

# A role for tests, made once; its password is no secret, since only this machine can reach it.
make_role() {
    local psql=(psql --no-psqlrc --quiet --tuples-only --no-align --set ON_ERROR_STOP=1)
    if [ "$(id -u)" = 0 ]; then
        psql=(runuser -u postgres -- "${psql[@]}")
    else
        psql+=(--dbname postgres)
    fi
    (
        cd /
        [ -n "$("${psql[@]}" -c "SELECT 1 FROM pg_roles WHERE rolname = 'nomo'")" ] ||
            "${psql[@]}" -c "CREATE ROLE nomo LOGIN CREATEDB PASSWORD 'nomo'"
        [ -n "$("${psql[@]}" -c "SELECT 1 FROM pg_database WHERE datname = 'nomo'")" ] ||
            "${psql[@]}" -c "CREATE DATABASE nomo OWNER nomo TEMPLATE template0 ENCODING 'UTF8'"
    )
}

if [ -z "${DATABASE_URL:-}" ]; then
    own 5432 postgresql
    make_role
    export DATABASE_URL=postgres://nomo:nomo@127.0.0.1:5432/nomo
fi
if [ -z "${REDIS_URL:-}" ]; then
    own 6379 redis-server
    export REDIS_URL=redis://127.0.0.1:6379/0
fi
exec .venv/bin/python scripts/services.py exec -- "$@"
