package main

import (
	"database/sql"
	"net"

	"github.com/go-sql-driver/mysql"
)

// The statements are prepared once; database/sql prepares them again on each connection that uses them first.
type database struct {
	pool *sql.DB

	location, page, nearest, table, insert, user, healthcheck *sql.Stmt
}

const selectLocation = "SELECT id, version, name, country, region, latitude, longitude, population, timezone " +
	"FROM locations "

const selectUser = "SELECT id, version, username, display_name, email, location_id "

const nearestIn = "WHERE latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? ORDER BY " +
	"POW(SIN((RADIANS(latitude) - ?) / 2), 2) + " +
	"COS(?) * COS(RADIANS(latitude)) * POW(SIN((RADIANS(longitude) - ?) / 2), 2), id LIMIT ?"

const insertLocation = "INSERT INTO locations " +
	"(name, country, region, latitude, longitude, population, timezone) VALUES (?, ?, ?, ?, ?, ?, ?)"

func openDatabase(s settings) (*database, error) {
	config := mysql.NewConfig()
	config.Net = "tcp"
	config.Addr = net.JoinHostPort(s.dbHost, s.dbPort)
	config.User = s.dbUser
	config.Passwd = s.dbPassword
	config.DBName = s.dbName
	config.Collation = "utf8mb4_unicode_ci"
	connector, err := mysql.NewConnector(config)
	if err != nil {
		return nil, err
	}

	d := &database{pool: sql.OpenDB(connector)}
	// As many idle as open: the default of two idle ones would close and open connections all the time.
	d.pool.SetMaxOpenConns(s.dbConnections)
	d.pool.SetMaxIdleConns(s.dbConnections)
	statements := []struct {
		prepared **sql.Stmt
		query    string
	}{
		{&d.location, selectLocation + "WHERE id = ?"},
		{&d.page, selectLocation + "WHERE id > ? ORDER BY id LIMIT ?"},
		{&d.nearest, selectLocation + nearestIn},
		{&d.table, selectLocation + "ORDER BY id"},
		{&d.insert, insertLocation},
		{&d.user, selectUser + "FROM `" + s.userDBName + "`.users WHERE id = ?"},
		{&d.healthcheck, "SELECT 1"},
	}
	for _, statement := range statements {
		if *statement.prepared, err = d.pool.Prepare(statement.query); err != nil {
			d.pool.Close()
			return nil, err
		}
	}
	return d, nil
}
