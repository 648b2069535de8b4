import { SELECT } from './locations.js';
import * as schemas from './schemas.js';

const EARTH_RADIUS = 6371007.180918475;
const METRES_PER_DEGREE = 111195;

const SELECT_IN_BOX =
  `${SELECT} WHERE latitude BETWEEN ? AND ? AND longitude BETWEEN ? AND ? ` +
  'ORDER BY POW(SIN((RADIANS(latitude) - ?) / 2), 2) + ' +
  'COS(?) * COS(RADIANS(latitude)) * POW(SIN((RADIANS(longitude) - ?) / 2), 2), id LIMIT ?';

const schema = {
  querystring: {
    type: 'object',
    properties: {
      lat: { type: 'number', minimum: -90, maximum: 90 },
      lon: { type: 'number', minimum: -180, maximum: 180 },
      limit: { type: 'integer', minimum: 1, default: 5 },
    },
    required: ['lat', 'lon'],
  },
  response: { 200: { type: 'object', properties: { items: { type: 'array', items: schemas.near } } } },
};

export async function nearest(server, { database }) {
  server.get('/locations/nearest', { schema }, async (request) => {
    const { lat, lon, limit } = request.query;
    return { items: await find(database, { latitude: lat, longitude: lon }, limit) };
  });
}

// Looks in a box around the point, and in larger ones until nothing outside of the box can be nearer than the last that
// was found.
async function find(database, point, limit) {
  for (let half = 0.25; ; half *= 4) {
    const last = half >= 90;
    const box = last ? [-90, 90, -180, 180] : boxAround(point, half);
    const items = await findIn(database, box, point, limit);
    if (last || (items.length === limit && items.at(-1).distance_m <= half * METRES_PER_DEGREE)) {
      return items;
    }
  }
}

async function findIn(database, box, point, limit) {
  const latitude = radians(point.latitude);
  const order = [latitude, latitude, radians(point.longitude)];
  const [rows] = await database.execute(SELECT_IN_BOX, [...box, ...order, String(limit)]);
  for (const row of rows) {
    row.distance_m = distance(point, row);
  }
  return rows;
}

// South, north, west and east.
function boxAround({ latitude, longitude }, half) {
  const width = Math.min(half / Math.cos(radians(latitude)), 180);
  return [latitude - half, latitude + half, longitude - width, longitude + width];
}

// Along a great circle, by the haversine formula, in metres.
function distance(a, b) {
  const latitudes = Math.sin((radians(b.latitude) - radians(a.latitude)) / 2);
  const longitudes = Math.sin((radians(b.longitude) - radians(a.longitude)) / 2);
  const h = latitudes ** 2 + Math.cos(radians(a.latitude)) * Math.cos(radians(b.latitude)) * longitudes ** 2;
  return 2 * EARTH_RADIUS * Math.asin(Math.sqrt(Math.min(h, 1)));
}

function radians(degrees) {
  return (degrees * Math.PI) / 180;
}
