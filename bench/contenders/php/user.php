<?php
// GET /users/{id}
declare(strict_types=1);

require __DIR__ . '/lib/answer.php';
require __DIR__ . '/lib/database.php';

$id = (int) $_SERVER['ID'];
$users = '`' . getenv('USER_DB_NAME') . '`.users';
$row = connect()
    ->query("SELECT id, version, username, display_name, email, location_id FROM $users WHERE id = $id")
    ->fetch_assoc();
unset($row['email']);
answer_row($row);
