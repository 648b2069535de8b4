package main

import "net/http"

// Asks the database, on a connection of the pool.
func (d *database) health(w http.ResponseWriter, r *http.Request) error {
	var one int
	if err := d.healthcheck.QueryRowContext(r.Context()).Scan(&one); err != nil {
		return answer(w, http.StatusServiceUnavailable, map[string]string{"status": "fail"})
	}
	return answer(w, http.StatusOK, map[string]string{"status": "pass"})
}
