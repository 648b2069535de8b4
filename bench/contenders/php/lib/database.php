<?php
declare(strict_types=1);

const SELECT_LOCATION =
    'SELECT id, version, name, country, region, latitude, longitude, population, timezone FROM locations ';

/**
 * Queries with nothing but integers in them are sent as text, in one round trip: a prepared statement lasts no longer
 * than the request, so that it would cost a second one.
 */
function connect(): mysqli
{
    // In mysqli, a connection that outlives the request is a matter of the host's name.
    $prefix = getenv('DB_PERSISTENT') ? 'p:' : '';
    $database = mysqli_init();
    // Numbers as numbers, as prepared statements have them.
    $database->options(MYSQLI_OPT_INT_AND_FLOAT_NATIVE, true);
    // With the handshake: set_charset would be a round trip of its own.
    $database->options(MYSQLI_SET_CHARSET_NAME, 'utf8mb4');
    $database->real_connect(
        $prefix . getenv('DB_HOST'),
        getenv('DB_USER'),
        getenv('DB_PWD'),
        getenv('DB_NAME'),
        (int) getenv('DB_PORT'),
    );
    return $database;
}
