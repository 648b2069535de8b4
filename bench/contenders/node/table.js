import { Transform, pipeline } from 'node:stream';

import { SELECT } from './locations.js';

const HEAD = `<!doctype html>
<html lang="en">
<head><meta charset="utf-8"><title>Locations</title></head>
<body>
<table>
<thead><tr><th>id</th><th>name</th><th>country</th><th>region</th><th>latitude</th><th>longitude</th>\
<th>population</th><th>timezone</th></tr></thead>
<tbody>
`;

const FOOT = `</tbody>
</table>
</body>
</html>
`;

// A chunk for each row would cost more than the row.
const CHUNK = 64 * 1024;

export async function table(server, { database }) {
  server.get('/locations/table', async (request, reply) => {
    // Only the pool without promises hands out streams.
    const rows = database.pool.query(`${SELECT} ORDER BY id`).stream();
    reply.type('text/html; charset=utf-8');
    // An error destroys both streams, and Fastify sees it on the one that it sends.
    return pipeline(rows, page(), () => {});
  });
}

// Turns rows into the page as they come from the database, so that it is never in memory as a whole.
function page() {
  let chunk = HEAD;
  return new Transform({
    writableObjectMode: true,
    transform(row, encoding, done) {
      chunk += tableRow(row);
      if (chunk.length < CHUNK) {
        done();
        return;
      }
      const full = chunk;
      chunk = '';
      done(null, full);
    },
    flush(done) {
      done(null, chunk + FOOT);
    },
  });
}

function tableRow({ id, name, country, region, latitude, longitude, population, timezone }) {
  const place = [id, escape(name), escape(country), escape(region ?? '')];
  const cells = [...place, latitude, longitude, population, escape(timezone)];
  return `<tr><td>${cells.join('</td><td>')}</td></tr>\n`;
}

const ENTITIES = { '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;', "'": '&#39;' };

function escape(text) {
  return text.replace(/[&<>"']/g, (character) => ENTITIES[character]);
}
