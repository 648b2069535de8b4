<?php
// GET /health
declare(strict_types=1);

require __DIR__ . '/lib/answer.php';
require __DIR__ . '/lib/database.php';

try {
    connect()->query('SELECT 1');
} catch (mysqli_sql_exception) {
    answer(503, ['status' => 'fail']);
}
answer(200, ['status' => 'pass']);
