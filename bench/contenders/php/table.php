<?php
// GET /locations/table
declare(strict_types=1);

require __DIR__ . '/lib/database.php';

// Floats with as many digits as tell them apart.
ini_set('precision', -1);

$database = connect();
// Row by row, so that the table is never in memory as a whole.
$rows = $database->query(SELECT_LOCATION . 'ORDER BY id', MYSQLI_USE_RESULT);
header('content-type: text/html; charset=utf-8');
?>
<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Locations</title></head>
<body>
<table>
<thead><tr><th>id</th><th>name</th><th>country</th><th>region</th><th>latitude</th><th>longitude</th>
<th>population</th><th>timezone</th></tr></thead>
<tbody>
<?php
foreach ($rows as $row) {
    echo '<tr><td>', $row['id'],
        '</td><td>', htmlspecialchars($row['name']),
        '</td><td>', htmlspecialchars($row['country']),
        '</td><td>', htmlspecialchars($row['region'] ?? ''),
        '</td><td>', $row['latitude'],
        '</td><td>', $row['longitude'],
        '</td><td>', $row['population'],
        '</td><td>', htmlspecialchars($row['timezone']),
        "</td></tr>\n";
}
?>
</tbody>
</table>
</body>
</html>
