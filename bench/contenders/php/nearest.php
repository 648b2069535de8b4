<?php
// GET /locations/nearest?lat=…&lon=…&limit=5
declare(strict_types=1);

require __DIR__ . '/lib/answer.php';
require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/query.php';

const EARTH_RADIUS = 6_371_007.180918475;
const METRES_PER_DEGREE = 111_195;

const IN_BOX =
    'WHERE latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? ' .
    'ORDER BY POW(SIN((RADIANS(latitude) - ?) / 2), 2) + ' .
    'COS(?) * COS(RADIANS(latitude)) * POW(SIN((RADIANS(longitude) - ?) / 2), 2), id LIMIT ?';

$latitude = degrees('lat', 90);
$longitude = degrees('lon', 180);
$limit = integer('limit', 5, least: 1);
answer(200, ['items' => nearest($latitude, $longitude, $limit)]);

/**
 * Looks in a box around the point, and in larger ones until nothing outside of the box can be nearer than the last that
 * was found.
 */
function nearest(float $latitude, float $longitude, int $limit): array
{
    $database = connect();
    // Prepared once for all boxes.
    $statement = $database->prepare(SELECT_LOCATION . IN_BOX);
    $statement->bind_param('dddddddi', $south, $north, $west, $east, $phi, $phi, $lambda, $limit);
    $phi = deg2rad($latitude);
    $lambda = deg2rad($longitude);
    for ($half = 0.25; ; $half *= 4) {
        $last = $half >= 90;
        [$south, $north, $west, $east] = $last ? [-90, 90, -180, 180] : box($latitude, $longitude, $half);
        $statement->execute();
        $items = $statement->get_result()->fetch_all(MYSQLI_ASSOC);
        foreach ($items as &$item) {
            unset($item['version']);
            $item['distance_m'] = distance($latitude, $longitude, $item['latitude'], $item['longitude']);
        }
        unset($item);
        $enough = count($items) === $limit && end($items)['distance_m'] <= $half * METRES_PER_DEGREE;
        if ($last || $enough) {
            return $items;
        }
    }
}

/** South, north, west and east. */
function box(float $latitude, float $longitude, float $half): array
{
    $width = min($half / cos(deg2rad($latitude)), 180);
    return [$latitude - $half, $latitude + $half, $longitude - $width, $longitude + $width];
}

/** Along a great circle, by the haversine formula, in metres. */
function distance(float $latitude, float $longitude, float $otherLatitude, float $otherLongitude): float
{
    $latitudes = sin((deg2rad($otherLatitude) - deg2rad($latitude)) / 2);
    $longitudes = sin((deg2rad($otherLongitude) - deg2rad($longitude)) / 2);
    $h = $latitudes ** 2 + cos(deg2rad($latitude)) * cos(deg2rad($otherLatitude)) * $longitudes ** 2;
    return 2 * EARTH_RADIUS * asin(sqrt(min($h, 1)));
}
