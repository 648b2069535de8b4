CREATE TABLE users (
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    -- 1, and one more with every change: the ETag.
    version BIGINT UNSIGNED NOT NULL DEFAULT 1,
    username VARCHAR(32) NOT NULL,
    display_name VARCHAR(100) NOT NULL,
    email VARCHAR(254) NOT NULL,
    -- Id of the location service; no foreign key, since that service has a database of its own.
    location_id BIGINT UNSIGNED,
    -- The names of these two say in an error which field is taken.
    UNIQUE KEY users_username (username),
    UNIQUE KEY users_email (email)
) ENGINE = InnoDB
  -- The other formats have no room for the index of addresses, whatever format is the server's default.
  ROW_FORMAT = DYNAMIC
  DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci;
