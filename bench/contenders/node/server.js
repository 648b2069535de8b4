import Fastify from 'fastify';

import { connect } from './database.js';
import { health } from './health.js';
import { locations } from './locations.js';
import { nearest } from './nearest.js';
import { table } from './table.js';
import { users } from './users.js';

export async function serve(settings) {
  const database = connect(settings.database);
  const server = Fastify({ logger: false });
  server.addHook('onClose', () => database.end());
  server.setErrorHandler(answerError);
  server.register(locations, { database, token: settings.token });
  server.register(nearest, { database });
  server.register(table, { database });
  server.register(users, { database, databaseName: settings.database.userName });
  server.register(health, { database });

  for (const signal of ['SIGTERM', 'SIGINT']) {
    // The worker's channel to the primary would keep it running.
    process.on(signal, () => server.close().then(() => process.exit()));
  }
  await server.listen({ host: settings.host, port: settings.port });
}

// What the client did wrong it is told; the rest is for the log alone.
function answerError(error, request, reply) {
  const status = error.statusCode ?? 500;
  // A client that has gone waits for no answer.
  if (status >= 500 && !request.raw.socket.destroyed) {
    console.error(error);
  }
  return reply.code(status).send({ error: status >= 500 ? 'internal server error' : error.message });
}
