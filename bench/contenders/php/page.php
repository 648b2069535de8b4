<?php
// GET /locations?limit=50&after=0
declare(strict_types=1);

require __DIR__ . '/lib/answer.php';
require __DIR__ . '/lib/database.php';
require __DIR__ . '/lib/query.php';

$limit = integer('limit', 50, least: 1);
$after = integer('after', 0, least: 0);
// One more than asked for tells whether there is a next page.
$count = $limit + 1;
$items = connect()->query(SELECT_LOCATION . "WHERE id > $after ORDER BY id LIMIT $count")->fetch_all(MYSQLI_ASSOC);
foreach ($items as &$item) {
    unset($item['version']);
}
unset($item);
$next = null;
if (count($items) > $limit) {
    array_pop($items);
    $next = "/locations?limit=$limit&after=" . end($items)['id'];
}
answer(200, ['items' => $items, 'next' => $next]);
