-- What was answered to a POST with an Idempotency-Key, kept until a retry is no longer to be expected.
CREATE TABLE idempotency_keys (
    -- SHA-256 of the key: keys are compared byte for byte, and long ones do not make the index long.
    id BINARY(32) NOT NULL PRIMARY KEY,
    -- SHA-256 of what was asked for, to tell a retry from another request under the same key.
    request BINARY(32) NOT NULL,
    -- The answer as JSON; NULL only within the transaction that carries the request out.
    answer MEDIUMTEXT CHARACTER SET utf8mb4,
    -- Seconds since 1970.
    expires_at BIGINT UNSIGNED NOT NULL,
    KEY idempotency_keys_expires_at (expires_at)
) ENGINE = InnoDB;
