CREATE TABLE locations (
    -- Ids that are given here start above those of GeoNames (13 million in 2026), so that the two never meet.
    id BIGINT UNSIGNED NOT NULL AUTO_INCREMENT PRIMARY KEY,
    -- 1, and one more with every change: the ETag.
    version BIGINT UNSIGNED NOT NULL DEFAULT 1,
    name VARCHAR(200) NOT NULL,
    -- ISO 3166-1 alpha-2.
    country CHAR(2) NOT NULL,
    -- First-level administrative division, GeoNames admin1 code.
    region VARCHAR(20),
    -- Degrees, WGS 84.
    latitude DOUBLE NOT NULL,
    longitude DOUBLE NOT NULL,
    population BIGINT UNSIGNED NOT NULL,
    -- IANA name.
    timezone VARCHAR(64) NOT NULL,
    -- H3 cell of resolution 9 in which the place lies. The cells of a coarser one are a range of these numbers.
    cell BIGINT UNSIGNED NOT NULL,
    KEY locations_country (country),
    KEY locations_name (name),
    KEY locations_cell (cell)
) ENGINE = InnoDB
  -- The other formats have no room for the index of names, whatever format is the server's default.
  ROW_FORMAT = DYNAMIC
  -- Known to MySQL and MariaDB alike; ignores case and accents, so that "sao" finds "São Paulo".
  DEFAULT CHARACTER SET utf8mb4 COLLATE utf8mb4_unicode_520_ci
  AUTO_INCREMENT = 1000000000;
