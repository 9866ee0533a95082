// Shows a tenant's changes as they come, until the replica stops and says when to come back.
//
// node examples/node/watch.js ready.json

import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import { call, connect, details, millisecondsToWait, reason } from './client.js';

const ready = JSON.parse(readFileSync(process.argv[2], 'utf8'));
const client = connect(ready.grpc);
const request = { checkpoint_interval: { seconds: 1 } };
try {
  for await (const change of call(client, 'WatchAttachments', ready.tokens.bff, request)) {
    const record = change.attachment;
    console.log(record ? `${record.message_id} ${record.status}` : 'checkpoint');
  }
} catch (error) {
  const said = `${grpc.status[error.code]} ${reason(error)}: ${error.details}`;
  if (reason(error) !== 'STOPPING' || !details(error).RetryInfo) {
    console.error(`FAILED  ${said}`);
    process.exit(1);
  }
  console.log(`${said}; in ${millisecondsToWait(error) / 1000} s`);
}
client.close();
