const status = { type: 'object', properties: { status: { type: 'string' } } };

export async function health(server, { database }) {
  server.get('/health', { schema: { response: { 200: status, 503: status } } }, async (request, reply) => {
    try {
      await database.execute('SELECT 1');
    } catch {
      return reply.code(503).send({ status: 'fail' });
    }
    return { status: 'pass' };
  });
}
