package main

import (
	"crypto/subtle"
	"database/sql"
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
)

type location struct {
	ID         int64   `json:"id"`
	Version    int64   `json:"-"`
	Name       string  `json:"name"`
	Country    string  `json:"country"`
	Region     *string `json:"region"`
	Latitude   float64 `json:"latitude"`
	Longitude  float64 `json:"longitude"`
	Population int64   `json:"population"`
	Timezone   string  `json:"timezone"`
}

// Where the columns of selectLocation go.
func (l *location) columns() []any {
	return []any{
		&l.ID, &l.Version, &l.Name, &l.Country, &l.Region, &l.Latitude, &l.Longitude, &l.Population, &l.Timezone,
	}
}

// Reads all rows and closes them.
func locationsOf(rows *sql.Rows) ([]location, error) {
	defer rows.Close()
	locations := []location{}
	for rows.Next() {
		var l location
		if err := rows.Scan(l.columns()...); err != nil {
			return nil, err
		}
		locations = append(locations, l)
	}
	return locations, rows.Err()
}

func (d *database) findLocation(w http.ResponseWriter, r *http.Request) error {
	id, err := idIn(r, "/locations/")
	if err != nil {
		return err
	}
	var l location
	if err := d.location.QueryRowContext(r.Context(), id).Scan(l.columns()...); err != nil {
		return err
	}
	setVersion(w, l.Version)
	return answer(w, http.StatusOK, &l)
}

type page struct {
	Items []location `json:"items"`
	Next  *string    `json:"next"`
}

func (d *database) listLocations(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	limit, err := numberIn(query.Get("limit"), 50, 1)
	if err != nil {
		return err
	}
	after, err := numberIn(query.Get("after"), 0, 0)
	if err != nil {
		return err
	}
	// One more than asked for tells whether there is a next page.
	rows, err := d.page.QueryContext(r.Context(), after, limit+1)
	if err != nil {
		return err
	}
	items, err := locationsOf(rows)
	if err != nil {
		return err
	}
	answered := page{Items: items}
	if int64(len(items)) > limit {
		answered.Items = items[:limit]
		next := "/locations?limit=" + strconv.FormatInt(limit, 10) +
			"&after=" + strconv.FormatInt(items[limit-1].ID, 10)
		answered.Next = &next
	}
	return answer(w, http.StatusOK, &answered)
}

func authorized(token string, handle handler) handler {
	expected := []byte("Bearer " + token)
	return func(w http.ResponseWriter, r *http.Request) error {
		if subtle.ConstantTimeCompare([]byte(r.Header.Get("Authorization")), expected) != 1 {
			return errUnauthorized
		}
		return handle(w, r)
	}
}

func (d *database) createLocation(w http.ResponseWriter, r *http.Request) error {
	var l location
	if err := json.NewDecoder(http.MaxBytesReader(w, r.Body, 64<<10)).Decode(&l); err != nil {
		return fmt.Errorf("%w: %v", errBadRequest, err)
	}
	// encoding/json leaves a field that is missing as it was.
	if l.Name == "" || l.Country == "" || l.Timezone == "" {
		return fmt.Errorf("%w: name, country and timezone are needed", errBadRequest)
	}
	result, err := d.insert.ExecContext(r.Context(),
		l.Name, l.Country, l.Region, l.Latitude, l.Longitude, l.Population, l.Timezone)
	if err != nil {
		return err
	}
	if l.ID, err = result.LastInsertId(); err != nil {
		return err
	}
	w.Header().Set("Location", "/locations/"+strconv.FormatInt(l.ID, 10))
	return answer(w, http.StatusCreated, &l)
}
