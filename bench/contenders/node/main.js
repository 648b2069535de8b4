// A cluster of one worker for each core; the primary hands them the connections in turn.
import cluster from 'node:cluster';
import { availableParallelism } from 'node:os';

import { serve } from './server.js';
import { settingsFromEnvironment } from './settings.js';

const workers = availableParallelism();

if (cluster.isPrimary) {
  supervise();
} else {
  await serve(settingsFromEnvironment(workers));
}

function supervise() {
  for (let count = 0; count < workers; count += 1) {
    cluster.fork();
  }
  let ending = false;
  const end = (signal) => {
    ending = true;
    for (const worker of Object.values(cluster.workers)) {
      worker.process.kill(signal);
    }
  };
  process.on('SIGTERM', end);
  process.on('SIGINT', end);
  // One worker less would answer on, slower: a failure that nobody sees. So all end.
  cluster.on('exit', (worker, code, signal) => {
    if (!ending) {
      console.error(`worker ${worker.process.pid} ended: ${signal ?? code}`);
      process.exitCode = 1;
      end('SIGTERM');
    }
  });
}
