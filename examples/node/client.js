// Calls the attachment service by its proto files, as they stand in this repository.
//
// docs/clients.md explains these lines; walk.js uses them.

import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import grpc from '@grpc/grpc-js';
import loader from '@grpc/proto-loader';
import protobuf from 'protobufjs';

const PROTO = fileURLToPath(new URL('../../proto', import.meta.url));
const FOLDERS = [PROTO, path.join(PROTO, 'third_party')];
const CONTRACT = path.join(PROTO, 'attachments/v1');

const definition = loader.loadSync('attachments/v1/attachment_service.proto', {
  includeDirs: FOLDERS,
  keepCase: true,
  longs: String,
  enums: String,
  defaults: true,
  oneofs: true,
});
const { AttachmentService } = grpc.loadPackageDefinition(definition).attachments.v1;

// A client with the retries and deadlines that the service asks of its clients.
export function connect(target) {
  const config = readFileSync(path.join(CONTRACT, 'service_config.json'), 'utf8');
  const options = { 'grpc.service_config': config };
  return new AttachmentService(target, grpc.credentials.createInsecure(), options);
}

// A promise of the answer, or a stream that `for await` reads.
export function call(client, method, token, request, { language = 'en', timeout } = {}) {
  const metadata = new grpc.Metadata();
  metadata.set('authorization', `Bearer ${token}`);
  metadata.set('accept-language', language);
  const options = timeout ? { deadline: Date.now() + timeout * 1000 } : {};
  if (client[method].responseStream) {
    return client[method](request, metadata, options);
  }
  return new Promise((resolve, reject) => {
    client[method](request, metadata, options, (error, answer) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

const errors = new protobuf.Root();
errors.resolvePath = (_, name) =>
  FOLDERS.map((folder) => path.join(folder, name)).find(existsSync) ?? name;
errors.loadSync(['google/rpc/status.proto', 'google/rpc/error_details.proto']);

// What an error says besides its code: { ErrorInfo, BadRequest, RetryInfo }
export function details(error) {
  const found = {};
  const [packed] = error.metadata?.get('grpc-status-details-bin') ?? [];
  const status = packed && errors.lookupType('google.rpc.Status').decode(packed);
  for (const { type_url, value } of status?.details ?? []) {
    const name = type_url.split('/').pop();
    const type = errors.lookup(name);
    if (type) {
      found[type.name] = type.toObject(type.decode(value), { longs: Number });
    }
  }
  return found;
}

// Why, in a word that programs may compare; empty when the error is not the service's.
export function reason(error) {
  return details(error).ErrorInfo?.reason ?? '';
}

// How long to wait before the call is repeated; undefined when it should not be.
export function millisecondsToWait(error) {
  const delay = details(error).RetryInfo?.retryDelay;
  if (delay) {
    return (delay.seconds ?? 0) * 1000 + (delay.nanos ?? 0) / 1e6;
  }
  // No connection, so nobody said anything.
  return error.code === grpc.status.UNAVAILABLE ? 1000 : undefined;
}

// Makes a call again while that may help. Every call of the service may be repeated.
export async function repeat(call, times = 5) {
  for (let attempt = 0; ; attempt += 1) {
    try {
      return await call();
    } catch (error) {
      const late = error.code === grpc.status.DEADLINE_EXCEEDED;
      const delay = late ? 0 : millisecondsToWait(error);
      if (delay === undefined || attempt + 1 === times) {
        throw error;
      }
      await wait(delay * 2 ** attempt * (1 + Math.random() / 2));
    }
  }
}

// The pages of a list. A page may be empty and not be the last.
export async function* pages(client, token, filters) {
  let page_token = '';
  do {
    const request = { ...filters, page_token };
    const page = await repeat(() => call(client, 'ListAttachments', token, request));
    yield page;
    page_token = page.next_page_token;
  } while (page_token);
}

// Gives each record as it is now, then again after each change, without a gap.
export async function* follow(client, token, filters, { timeout } = {}) {
  let cursor = '';
  const newest = new Map();
  const isNew = (record) => {
    const { seconds, nanos } = record.update_time;
    const time = BigInt(seconds) * 1_000_000_000n + BigInt(nanos);
    const before = newest.get(record.attachment_id) ?? -1n;
    newest.set(record.attachment_id, time > before ? time : before);
    return time > before;
  };
  for (;;) {
    let changes;
    try {
      if (!cursor) {
        for await (const page of pages(client, token, filters)) {
          cursor ||= page.watch_cursor;
          yield* page.attachments.filter(isNew);
        }
      }
      const request = { ...filters, cursor, checkpoint_interval: { seconds: 30 } };
      changes = call(client, 'WatchAttachments', token, request, { timeout });
      for await (const change of changes) {
        cursor = change.cursor;
        // A checkpoint carries only a cursor; the list may know a change already.
        if (change.attachment && isNew(change.attachment)) {
          yield change.attachment;
        }
      }
    } catch (error) {
      if (reason(error) === 'CURSOR_EXPIRED') {
        cursor = '';
      } else if (millisecondsToWait(error) !== undefined) {
        await wait(millisecondsToWait(error));
      } else {
        throw error;
      }
    } finally {
      changes?.cancel();
    }
  }
}

// Gives the bytes to `write`, goes on where a stream broke, and compares the checksum.
export async function download(client, token, attachment_id, write, { limit = 0 } = {}) {
  const digest = createHash('sha256');
  let received = 0;
  let whole;
  while (!whole || received < Number(whole.size_bytes)) {
    const request = { attachment_id, offset: received, limit };
    try {
      for await (const message of call(client, 'GetAttachmentBytes', token, request)) {
        if (message.info) {
          if (whole && whole.checksum_sha256 !== message.info.checksum_sha256) {
            throw new Error(`${attachment_id} has other bytes than before`);
          }
          whole = message.info;
        } else if (message.chunk) {
          await write(message.chunk);
          digest.update(message.chunk);
          received += message.chunk.length;
        }
      }
    } catch (error) {
      if (millisecondsToWait(error) === undefined) {
        throw error;
      }
      await wait(millisecondsToWait(error));
    }
  }
  if (digest.digest('hex') !== whole.checksum_sha256) {
    throw new Error(`${attachment_id} came damaged`);
  }
  return whole;
}
