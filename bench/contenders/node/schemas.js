// JSON schemas: what comes is validated by them, and what goes is serialized by code that Fastify generates from them.

const withoutId = {
  name: { type: 'string' },
  country: { type: 'string' },
  region: { type: 'string', nullable: true },
  latitude: { type: 'number' },
  longitude: { type: 'number' },
  population: { type: 'integer' },
  timezone: { type: 'string' },
};

const properties = { id: { type: 'integer' }, ...withoutId };

export const newLocation = {
  type: 'object',
  properties: withoutId,
  required: ['name', 'country', 'latitude', 'longitude', 'population', 'timezone'],
};

export const location = { type: 'object', properties };

export const near = { type: 'object', properties: { ...properties, distance_m: { type: 'number' } } };

export const user = {
  type: 'object',
  properties: {
    id: { type: 'integer' },
    username: { type: 'string' },
    display_name: { type: 'string' },
    location_id: { type: 'integer', nullable: true },
  },
};

export const byId = { type: 'object', properties: { id: { type: 'integer', minimum: 1 } } };

export const error = { type: 'object', properties: { error: { type: 'string' } } };
