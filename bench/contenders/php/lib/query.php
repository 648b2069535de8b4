<?php
declare(strict_types=1);

/** The integer that a parameter of the query gives, or what holds without it. */
function integer(string $name, int $otherwise, int $least): int
{
    return checked($name, FILTER_VALIDATE_INT, $_GET[$name] ?? $otherwise, ['min_range' => $least]);
}

/** The number of degrees that a parameter of the query gives. */
function degrees(string $name, int $most): float
{
    return checked($name, FILTER_VALIDATE_FLOAT, $_GET[$name] ?? '', ['min_range' => -$most, 'max_range' => $most]);
}

function checked(string $name, int $filter, mixed $value, array $options): int|float
{
    $number = filter_var($value, $filter, ['options' => $options]);
    if ($number === false) {
        answer(400, ['error' => "$name is not what it may be"]);
    }
    return $number;
}
