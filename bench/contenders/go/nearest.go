package main

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
)

const (
	earthRadius     = 6_371_007.180918475
	metresPerDegree = 111_195
)

type near struct {
	location
	Distance float64 `json:"distance_m"`
}

type point struct{ latitude, longitude float64 }

func (d *database) nearestLocations(w http.ResponseWriter, r *http.Request) error {
	query := r.URL.Query()
	latitude, err := strconv.ParseFloat(query.Get("lat"), 64)
	if err != nil {
		return fmt.Errorf("%w: lat: %v", errBadRequest, err)
	}
	longitude, err := strconv.ParseFloat(query.Get("lon"), 64)
	if err != nil {
		return fmt.Errorf("%w: lon: %v", errBadRequest, err)
	}
	limit, err := numberIn(query.Get("limit"), 5, 1)
	if err != nil {
		return err
	}
	items, err := d.nearestTo(r.Context(), point{latitude, longitude}, int(limit))
	if err != nil {
		return err
	}
	return answer(w, http.StatusOK, map[string][]near{"items": items})
}

// Looks in a box around the point, and in larger ones until nothing outside of the box can be nearer than the last
// that was found.
func (d *database) nearestTo(ctx context.Context, p point, limit int) ([]near, error) {
	for half := 0.25; ; half *= 4 {
		last := half >= 90
		box := boxAround(p, half)
		if last {
			box = wholeWorld
		}
		items, err := d.nearestIn(ctx, box, p, limit)
		if err != nil {
			return nil, err
		}
		enough := len(items) == limit && items[limit-1].Distance <= half*metresPerDegree
		if last || enough {
			return items, nil
		}
	}
}

func (d *database) nearestIn(ctx context.Context, b box, p point, limit int) ([]near, error) {
	latitude, longitude := radians(p.latitude), radians(p.longitude)
	rows, err := d.nearest.QueryContext(ctx, b.south, b.north, b.west, b.east, latitude, latitude, longitude, limit)
	if err != nil {
		return nil, err
	}
	locations, err := locationsOf(rows)
	if err != nil {
		return nil, err
	}
	items := make([]near, len(locations))
	for i, l := range locations {
		items[i] = near{l, distance(p, point{l.Latitude, l.Longitude})}
	}
	return items, nil
}

type box struct{ south, north, west, east float64 }

var wholeWorld = box{-90, 90, -180, 180}

func boxAround(p point, half float64) box {
	width := math.Min(half/math.Cos(radians(p.latitude)), 180)
	return box{p.latitude - half, p.latitude + half, p.longitude - width, p.longitude + width}
}

// Along a great circle, by the haversine formula, in metres.
func distance(a, b point) float64 {
	latitudes := math.Sin((radians(b.latitude) - radians(a.latitude)) / 2)
	longitudes := math.Sin((radians(b.longitude) - radians(a.longitude)) / 2)
	h := latitudes*latitudes + math.Cos(radians(a.latitude))*math.Cos(radians(b.latitude))*longitudes*longitudes
	return 2 * earthRadius * math.Asin(math.Sqrt(math.Min(h, 1)))
}

func radians(degrees float64) float64 {
	return degrees * math.Pi / 180
}
