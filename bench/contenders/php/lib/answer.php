<?php
declare(strict_types=1);

/** Answers with JSON and ends. */
function answer(int $status, array $body): never
{
    http_response_code($status);
    header('content-type: application/json');
    echo json_encode($body, JSON_THROW_ON_ERROR | JSON_UNESCAPED_SLASHES | JSON_UNESCAPED_UNICODE);
    exit;
}

/** Answers with a row but for its version, which is the ETag, and ends. */
function answer_row(?array $row): never
{
    if ($row === null) {
        answer(404, ['error' => 'not found']);
    }
    header('etag: "' . $row['version'] . '"');
    unset($row['version']);
    answer(200, $row);
}
