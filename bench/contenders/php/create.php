<?php
// POST /locations
declare(strict_types=1);

require __DIR__ . '/lib/answer.php';
require __DIR__ . '/lib/database.php';

const FIELDS = ['name', 'country', 'region', 'latitude', 'longitude', 'population', 'timezone'];
const INSERT =
    'INSERT INTO locations (name, country, region, latitude, longitude, population, timezone) ' .
    'VALUES (?, ?, ?, ?, ?, ?, ?)';

if (!hash_equals('Bearer ' . getenv('API_TOKEN'), $_SERVER['HTTP_AUTHORIZATION'] ?? '')) {
    answer(401, ['error' => 'unauthorized']);
}
$location = json_decode(file_get_contents('php://input'), associative: true);
if (!is_array($location) || array_diff(FIELDS, ['region', ...array_keys($location)]) !== []) {
    answer(400, ['error' => 'not a location']);
}
$location = array_map(fn (string $field) => $location[$field] ?? null, array_combine(FIELDS, FIELDS));
$database = connect();
$database->execute_query(INSERT, array_values($location));
$id = $database->insert_id;
header("location: /locations/$id");
answer(201, ['id' => $id] + $location);
