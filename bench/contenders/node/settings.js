// Four for each worker on two cores.
const DEFAULT_CONNECTIONS = 8;

export function settingsFromEnvironment(workers) {
  const connections = Number(process.env.DB_MAX_CONNECTIONS ?? DEFAULT_CONNECTIONS);
  if (!Number.isInteger(connections) || connections < 1) {
    throw new Error('DB_MAX_CONNECTIONS is not a positive number');
  }
  return {
    database: {
      host: required('DB_HOST'),
      port: Number(required('DB_PORT')),
      user: required('DB_USER'),
      password: required('DB_PWD'),
      name: required('DB_NAME'),
      userName: required('USER_DB_NAME'),
      // Each worker has a pool of its own.
      connections: Math.max(1, Math.floor(connections / workers)),
    },
    host: required('HOST'),
    port: Number(required('PORT')),
    token: required('API_TOKEN'),
  };
}

function required(name) {
  const value = process.env[name];
  if (value === undefined) {
    throw new Error(`${name} is not set`);
  }
  return value;
}
