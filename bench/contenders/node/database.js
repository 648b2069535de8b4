import mysql from 'mysql2/promise';

export function connect(settings) {
  return mysql.createPool({
    host: settings.host,
    port: settings.port,
    user: settings.user,
    password: settings.password,
    database: settings.name,
    connectionLimit: settings.connections,
    // A stack trace for each query, in case that it fails, costs more than many a query.
    trace: false,
  });
}
