package main

import (
	"bufio"
	"database/sql"
	"html"
	"io"
	"log"
	"net/http"
	"strconv"
)

const tableHead = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Locations</title></head>
<body>
<table>
<thead><tr><th>id</th><th>name</th><th>country</th><th>region</th><th>latitude</th><th>longitude</th>` +
	`<th>population</th><th>timezone</th></tr></thead>
<tbody>
`

const tableFoot = `</tbody>
</table>
</body>
</html>
`

func (d *database) locationsTable(w http.ResponseWriter, r *http.Request) error {
	rows, err := d.table.QueryContext(r.Context())
	if err != nil {
		return err
	}
	defer rows.Close()
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	if err := writeTable(w, rows); err != nil {
		if r.Context().Err() == nil {
			log.Print(err)
		}
		// The status is sent already: a connection cut short is what tells the client.
		panic(http.ErrAbortHandler)
	}
	return nil
}

// Writes the rows as they come from the database, so that the page is never in memory as a whole.
func writeTable(w io.Writer, rows *sql.Rows) error {
	// Larger than net/http's own buffer, for fewer and larger chunks.
	out := bufio.NewWriterSize(w, 64<<10)
	out.WriteString(tableHead)
	var l location
	var row []byte
	for rows.Next() {
		if err := rows.Scan(l.columns()...); err != nil {
			return err
		}
		row = appendRow(row[:0], &l)
		if _, err := out.Write(row); err != nil {
			return err
		}
	}
	if err := rows.Err(); err != nil {
		return err
	}
	out.WriteString(tableFoot)
	return out.Flush()
}

func appendRow(row []byte, l *location) []byte {
	region := ""
	if l.Region != nil {
		region = *l.Region
	}
	row = append(row, "<tr><td>"...)
	row = strconv.AppendInt(row, l.ID, 10)
	row = appendText(row, l.Name)
	row = appendText(row, l.Country)
	row = appendText(row, region)
	row = append(row, "</td><td>"...)
	row = strconv.AppendFloat(row, l.Latitude, 'f', -1, 64)
	row = append(row, "</td><td>"...)
	row = strconv.AppendFloat(row, l.Longitude, 'f', -1, 64)
	row = append(row, "</td><td>"...)
	row = strconv.AppendInt(row, l.Population, 10)
	row = appendText(row, l.Timezone)
	return append(row, "</td></tr>\n"...)
}

// Ends the cell before it and begins its own.
func appendText(row []byte, text string) []byte {
	row = append(row, "</td><td>"...)
	return append(row, html.EscapeString(text)...)
}
