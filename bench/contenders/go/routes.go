package main

import (
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"log"
	"net/http"
	"strconv"
	"strings"
)

// What a handler may fail with, besides errors of the database.
var (
	errBadRequest   = errors.New("bad request")
	errUnauthorized = errors.New("unauthorized")
	errNotFound     = errors.New("not found")
)

type handler func(http.ResponseWriter, *http.Request) error

func routes(d *database, token string) http.Handler {
	mux := http.NewServeMux()
	mux.Handle("/locations", methods{
		http.MethodGet:  d.listLocations,
		http.MethodPost: authorized(token, d.createLocation),
	})
	mux.Handle("/locations/", methods{http.MethodGet: d.findLocation})
	mux.Handle("/locations/nearest", methods{http.MethodGet: d.nearestLocations})
	mux.Handle("/locations/table", methods{http.MethodGet: d.locationsTable})
	mux.Handle("/users/", methods{http.MethodGet: d.findUser})
	mux.Handle("/health", methods{http.MethodGet: d.health})
	return mux
}

// The handlers of one path, by method.
type methods map[string]handler

func (m methods) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	handle, there := m[r.Method]
	if !there {
		answerError(w, http.StatusMethodNotAllowed)
		return
	}
	switch err := handle(w, r); {
	case err == nil:
	case errors.Is(err, errBadRequest):
		answerError(w, http.StatusBadRequest)
	case errors.Is(err, errUnauthorized):
		answerError(w, http.StatusUnauthorized)
	case errors.Is(err, errNotFound), errors.Is(err, sql.ErrNoRows):
		answerError(w, http.StatusNotFound)
	case r.Context().Err() != nil:
		// The client has gone, and with it the query: nobody waits for an answer.
	default:
		log.Print(err)
		answerError(w, http.StatusInternalServerError)
	}
}

func answer(w http.ResponseWriter, status int, body any) error {
	text, err := json.Marshal(body)
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	// Without it, an answer larger than net/http's buffer would be sent in chunks.
	w.Header().Set("Content-Length", strconv.Itoa(len(text)))
	w.WriteHeader(status)
	// Fails when the client has gone, which concerns nobody then.
	_, _ = w.Write(text)
	return nil
}

func answerError(w http.ResponseWriter, status int) {
	// Text in a map is always JSON.
	_ = answer(w, status, map[string]string{"error": http.StatusText(status)})
}

func setVersion(w http.ResponseWriter, version int64) {
	w.Header().Set("ETag", `"`+strconv.FormatInt(version, 10)+`"`)
}

// The id in a path: what follows prefix.
func idIn(r *http.Request, prefix string) (int64, error) {
	id, err := strconv.ParseInt(strings.TrimPrefix(r.URL.Path, prefix), 10, 64)
	if err != nil {
		return 0, errNotFound
	}
	return id, nil
}

// The number that a query parameter gives, or what holds without it.
func numberIn(text string, otherwise, least int64) (int64, error) {
	if text == "" {
		return otherwise, nil
	}
	number, err := strconv.ParseInt(text, 10, 64)
	if err != nil || number < least {
		return 0, fmt.Errorf("%w: %q is not a number from %d", errBadRequest, text, least)
	}
	return number, nil
}
