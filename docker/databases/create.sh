#!/bin/sh
# Makes for each SERVICE a database and a login of that name, which may do in it what the service and its migrations
# have to do, and nothing elsewhere. What is there stays, but for the login's password, which becomes the one given.
#
#   create.sh SERVICE…    passwords are in /run/secrets: SERVICE-db-password, and mysql-root-password
set -eu

rights="SELECT, INSERT, UPDATE, DELETE, CREATE, ALTER, DROP, INDEX, REFERENCES"

statements() {
    for service in "$@"; do
        password=$(cat "/run/secrets/$service-db-password")
        cat <<SQL
CREATE DATABASE IF NOT EXISTS \`$service\` CHARACTER SET utf8mb4;
CREATE USER IF NOT EXISTS '$service'@'%' IDENTIFIED BY '$password';
ALTER USER '$service'@'%' IDENTIFIED BY '$password';
GRANT $rights ON \`$service\`.* TO '$service'@'%';
SQL
    done
}

# A password on the command line would be in the list of processes.
MYSQL_PWD=$(cat /run/secrets/mysql-root-password)
export MYSQL_PWD
if ! statements "$@" | mysql --host=mysql --user=root; then
    echo "If access was denied: the data are of another checkout, or its target folder was removed with the password" >&2
    echo "in it. They are sample data; \`make down DATA=remove\` removes them." >&2
    exit 1
fi
echo "databases and logins are there: $*"
