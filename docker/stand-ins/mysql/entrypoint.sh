#!/bin/sh
# Starts mysqld with the environment contract of the official image:
#   MYSQL_ROOT_PASSWORD  required when the data folder is empty; MYSQL_ROOT_PASSWORD_FILE may name a file with it
#   MYSQL_ROOT_HOST      where root may log in from besides localhost, default %
#   MYSQL_DATABASE       a database to create
#   MYSQL_USER, MYSQL_PASSWORD  a login to create, with every right on MYSQL_DATABASE
# Arguments are options for mysqld; an argument that is no option is a command to run in its place.
set -eu

data=/var/lib/mysql

fail() {
    echo "entrypoint: $1" >&2
    exit 1
}

# A value as an SQL string literal.
quote() {
    printf "'%s'" "$(printf '%s' "$1" | sed -e 's/\\/\\\\/g' -e "s/'/''/g")"
}

# A value as an SQL identifier.
name() {
    # shellcheck disable=SC2016 # backticks are SQL here
    printf '`%s`' "$(printf '%s' "$1" | sed -e 's/`/``/g')"
}

# The statements that turn a data folder just initialised into the one the environment asks for. mysqld runs them
# before it takes a connection, so that there is no moment at which root has no password. (printf, as some shells'
# echo expands the backslashes in a password.)
first_statements() {
    password=$(quote "$MYSQL_ROOT_PASSWORD")
    printf '%s\n' "ALTER USER 'root'@'localhost' IDENTIFIED BY $password;"
    if [ "${MYSQL_ROOT_HOST:=%}" != localhost ]; then
        root="'root'@$(quote "$MYSQL_ROOT_HOST")"
        printf '%s\n' "CREATE USER $root IDENTIFIED BY $password;"
        printf '%s\n' "GRANT ALL ON *.* TO $root WITH GRANT OPTION;"
    fi
    if [ -n "${MYSQL_DATABASE:-}" ]; then
        printf '%s\n' "CREATE DATABASE IF NOT EXISTS $(name "$MYSQL_DATABASE");"
    fi
    if [ -n "${MYSQL_USER:-}" ]; then
        user="$(quote "$MYSQL_USER")@'%'"
        printf '%s\n' "CREATE USER $user IDENTIFIED BY $(quote "$MYSQL_PASSWORD");"
        if [ -n "${MYSQL_DATABASE:-}" ]; then
            # In a grant _ and % are wildcards unless escaped.
            pattern=$(printf '%s' "$MYSQL_DATABASE" | sed -e 's/[_%]/\\&/g')
            printf '%s\n' "GRANT ALL ON $(name "$pattern").* TO $user;"
        fi
    fi
}

require_settings() {
    if [ -n "${MYSQL_ROOT_PASSWORD_FILE:-}" ]; then
        MYSQL_ROOT_PASSWORD=$(cat "$MYSQL_ROOT_PASSWORD_FILE")
    fi
    [ -n "${MYSQL_ROOT_PASSWORD:-}" ] || fail "neither MYSQL_ROOT_PASSWORD nor MYSQL_ROOT_PASSWORD_FILE is set"
    [ "${MYSQL_USER:-}" != root ] || fail "MYSQL_USER is root: leave it out, root is made anyway"
    [ -z "${MYSQL_USER:-}" ] || [ -n "${MYSQL_PASSWORD:-}" ] || fail "MYSQL_USER is set and MYSQL_PASSWORD is not"
}

case "${1:-}" in
    '' | -*) set -- mysqld "$@" ;;
    mysqld) ;;
    *) exec "$@" ;;
esac

if [ "$(id -u)" = 0 ]; then
    # A volume or a tmpfs comes owned by root.
    chown mysql:mysql "$data" /var/run/mysqld
    exec setpriv --reuid=mysql --regid=mysql --clear-groups "$0" "$@"
fi

shift
set -- --datadir="$data" --socket=/var/run/mysqld/mysqld.sock --pid-file=/var/run/mysqld/mysqld.pid \
    --host-cache-size=0 --skip-name-resolve --mysqlx=OFF --secure-file-priv=NULL "$@"

if [ ! -d "$data/mysql" ]; then
    require_settings
    statements=/var/run/mysqld/first.sql
    (umask 077 && first_statements >"$statements")
    mysqld "$@" --initialize-insecure --init-file="$statements"
    rm -f "$statements"
fi

exec mysqld "$@"
