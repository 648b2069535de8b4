-- A search for the nearest places looks at where some hundred are and shows a few. With the coordinates in the index,
-- the table itself is asked for those few only. Neither server blocks writes while it builds the index; releases before
-- this one find their way with it too.
ALTER TABLE locations ADD KEY locations_place (cell, latitude, longitude), DROP KEY locations_cell;
