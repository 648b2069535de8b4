import { timingSafeEqual } from 'node:crypto';

import * as schemas from './schemas.js';

export const SELECT =
  'SELECT id, version, name, country, region, latitude, longitude, population, timezone FROM locations';

const INSERT =
  'INSERT INTO locations (name, country, region, latitude, longitude, population, timezone) ' +
  'VALUES (?, ?, ?, ?, ?, ?, ?)';

const find = { params: schemas.byId, response: { 200: schemas.location, 404: schemas.error } };

const create = { body: schemas.newLocation, response: { 201: schemas.location } };

const page = {
  querystring: {
    type: 'object',
    properties: {
      limit: { type: 'integer', minimum: 1, default: 50 },
      after: { type: 'integer', minimum: 0, default: 0 },
    },
  },
  response: {
    200: {
      type: 'object',
      properties: {
        items: { type: 'array', items: schemas.location },
        next: { type: 'string', nullable: true },
      },
    },
  },
};

export async function locations(server, { database, token }) {
  const authorize = bearer(token);

  server.get('/locations/:id', { schema: find }, async (request, reply) => {
    const [[location]] = await database.execute(`${SELECT} WHERE id = ?`, [request.params.id]);
    if (location === undefined) {
      return reply.code(404).send({ error: 'there is no such location' });
    }
    reply.header('etag', `"${location.version}"`);
    return location;
  });

  server.get('/locations', { schema: page }, async (request) => {
    const { limit, after } = request.query;
    // One more than asked for tells whether there is a next page. Text, as MySQL takes no floating-point LIMIT, and
    // that is what mysql2 makes of a number.
    const [rows] = await database.execute(`${SELECT} WHERE id > ? ORDER BY id LIMIT ?`, [after, String(limit + 1)]);
    const items = rows.slice(0, limit);
    const next = rows.length > limit ? `/locations?limit=${limit}&after=${items.at(-1).id}` : null;
    return { items, next };
  });

  server.post('/locations', { schema: create, onRequest: authorize }, async (request, reply) => {
    const { name, country, region = null, latitude, longitude, population, timezone } = request.body;
    const values = [name, country, region, latitude, longitude, population, timezone];
    const [{ insertId: id }] = await database.execute(INSERT, values);
    reply.code(201).header('location', `/locations/${id}`);
    return { id, name, country, region, latitude, longitude, population, timezone };
  });
}

function bearer(token) {
  const expected = Buffer.from(`Bearer ${token}`);
  return async (request, reply) => {
    const given = Buffer.from(request.headers.authorization ?? '');
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      return reply.code(401).send({ error: 'unauthorized' });
    }
  };
}
