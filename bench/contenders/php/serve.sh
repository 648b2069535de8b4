#!/usr/bin/env bash
# Serves the scripts beside it with nginx and PHP-FPM, in the foreground, as the user that starts it.
#
#   serve.sh original|tuned
#
# DB_MAX_CONNECTIONS is the number of tuned's workers, as each has one connection.
set -euo pipefail

# For 32 concurrent requests on two cores, of 4, 8, 16 and 32; see ../README.md.
default_workers=8

case ${1:-} in
    original | tuned) ;;
    *)
        echo "usage: $0 original|tuned" >&2
        exit 2
        ;;
esac
flavour=$1
sources=$(cd "$(dirname "$0")" && pwd)
# Where Debian has what an ordinary user's PATH lacks.
PATH=$PATH:/usr/local/sbin:/usr/sbin

# The newest, whatever its version is called: php-fpm8.4, php-fpm8.2, php-fpm.
php_fpm=$(compgen -c php-fpm | sort --version-sort | tail -n 1)
if [[ -z $php_fpm ]]; then
    echo "php-fpm is missing (Debian: apt-get install php-fpm php-mysql)" >&2
    exit 1
fi

folder=$(mktemp -d)
masters=()

end() {
    trap '' TERM INT
    kill "${masters[@]}" 2>/dev/null || true
    wait
    rm -rf "$folder"
}
trap end EXIT
trap 'exit 0' TERM INT

render() {
    sed -e "s|@FOLDER@|$folder|g" -e "s|@SOURCES@|$sources|g" \
        -e "s|@USER@|$(id -un)|g" -e "s|@GROUP@|$(id -gn)|g" \
        -e "s|@HOST@|$HOST|g" -e "s|@PORT@|$PORT|g" \
        -e "s|@WORKERS@|${DB_MAX_CONNECTIONS:-$default_workers}|g" "$1" >"$2"
}
render "$sources/$flavour.conf" "$folder/php-fpm.conf"
render "$sources/nginx.conf" "$folder/nginx.conf"

# Neither outlives this script, however it ends: PHP-FPM leaves the process group, so that no signal to that reaches it.
start() {
    setpriv --pdeathsig TERM -- "$@" &
    masters+=($!)
}

# What it has to say goes to its log, which has to be a file, and to stderr as well. Root is nobody's risk here.
start "$php_fpm" --nodaemonize --force-stderr --allow-to-run-as-root --fpm-config "$folder/php-fpm.conf"
until [[ -S $folder/php.sock ]]; do
    kill -0 "${masters[0]}"
    sleep 0.02
done
start nginx -e stderr -p "$folder" -c "$folder/nginx.conf"

# Neither is of use without the other: the end of either, even a proper one, is a failure.
wait -n && false
