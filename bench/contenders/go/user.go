package main

import "net/http"

type user struct {
	ID          int64  `json:"id"`
	Version     int64  `json:"-"`
	Username    string `json:"username"`
	DisplayName string `json:"display_name"`
	Email       string `json:"-"`
	LocationID  *int64 `json:"location_id"`
}

func (d *database) findUser(w http.ResponseWriter, r *http.Request) error {
	id, err := idIn(r, "/users/")
	if err != nil {
		return err
	}
	var u user
	err = d.user.QueryRowContext(r.Context(), id).Scan(
		&u.ID, &u.Version, &u.Username, &u.DisplayName, &u.Email, &u.LocationID)
	if err != nil {
		return err
	}
	setVersion(w, u.Version)
	return answer(w, http.StatusOK, &u)
}
