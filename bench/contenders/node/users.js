import * as schemas from './schemas.js';

export async function users(server, { database, databaseName }) {
  const select =
    `SELECT id, version, username, display_name, email, location_id FROM \`${databaseName}\`.users WHERE id = ?`;
  const schema = { params: schemas.byId, response: { 200: schemas.user, 404: schemas.error } };

  server.get('/users/:id', { schema }, async (request, reply) => {
    const [[user]] = await database.execute(select, [request.params.id]);
    if (user === undefined) {
      return reply.code(404).send({ error: 'there is no such user' });
    }
    reply.header('etag', `"${user.version}"`);
    return user;
  });
}
