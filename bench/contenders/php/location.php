<?php
// GET /locations/{id}
declare(strict_types=1);

require __DIR__ . '/lib/answer.php';
require __DIR__ . '/lib/database.php';

$id = (int) $_SERVER['ID'];
answer_row(connect()->query(SELECT_LOCATION . "WHERE id = $id")->fetch_assoc());
