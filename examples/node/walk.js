// A file of Slack that is shared in two messages, from its registration to its end.
//
// npm ci --prefix examples/node
// cargo run -- dev --ready-file ready.json    # then, beside it:
// node examples/node/walk.js ready.json

import assert from 'node:assert/strict';
import { createHash, randomUUID } from 'node:crypto';
import { readFileSync } from 'node:fs';
import grpc from '@grpc/grpc-js';
import { call, connect, details, download, follow, pages, reason, repeat } from './client.js';

const PATIENCE_SECONDS = 120;
const DELETED = ['FAILED_PRECONDITION', 'ATTACHMENT_DELETED'];

// The steps, each with the token of the role that takes it.
class Walk {
  constructor(ready) {
    this.client = connect(ready.grpc);
    this.tokens = ready.tokens;
    this.channelId = ready.channels.slack;
    this.simulator = ready.simulator;
    this.run = process.hrtime.bigint();
    this.messages = [`node-${this.run}-1`, `node-${this.run}-2`];
  }

  call(method, role, request) {
    return repeat(() => call(this.client, method, this.tokens[role], request));
  }

  // Lets the simulated Slack have a file; gives its SHA-256 and what an event says of it.
  async putFile() {
    const url = `${this.simulator}/control/slack/files/F${this.run}`;
    const body = JSON.stringify({ fixture: 'pdf', size: 600_000, name: 'Report.pdf' });
    const answer = await fetch(url, { method: 'PUT', body });
    assert.ok(answer.ok, `${url}: ${answer.status}`);
    return answer.json();
  }

  async register(messageId, file) {
    const { attachment } = await this.call('RegisterAttachment', 'gateway', {
      channel_id: this.channelId,
      slack: {
        file_id: file.id,
        url_private_download: file.url_private_download,
        mode: file.mode,
      },
      message_id: messageId,
      file_name: file.name,
      declared_content_type: file.mimetype,
      declared_size_bytes: file.size,
    });
    return attachment.attachment_id;
  }

  // From a list's cursor on, so that no change is missed.
  async waitUntilStored(ids) {
    const open = new Set(ids);
    const filters = { message_ids: this.messages };
    const patience = { timeout: PATIENCE_SECONDS };
    for await (const record of follow(this.client, this.tokens.bff, filters, patience)) {
      say('status', `${record.message_id} ${record.status}`);
      if (record.status === 'STORED') {
        open.delete(record.attachment_id);
      } else if (!['PENDING', 'DOWNLOADING'].includes(record.status)) {
        assert.ok(record.retryable, `${record.status}: ${record.failure_message}`);
      }
      if (open.size === 0) {
        return;
      }
    }
  }

  async listed(messageId) {
    const ids = [];
    for await (const page of pages(this.client, this.tokens.bff, { message_ids: [messageId] })) {
      ids.push(...page.attachments.map((record) => record.attachment_id));
    }
    return ids;
  }

  // The SHA-256 of what the link leads to.
  async linked(attachmentId) {
    const { link } = await this.call('IssueAccessLink', 'bff', { attachment_id: attachmentId });
    const answer = await fetch(link.url);
    assert.ok(answer.ok, `the link answers ${answer.status}`);
    const body = Buffer.from(await answer.arrayBuffer());
    return createHash('sha256').update(body).digest('hex');
  }

  // Until it is done: a large group may take several calls. Gives how many are deleted.
  async purge(messageId) {
    for (;;) {
      const answer = await this.call('PurgeAttachments', 'agent', { message_id: messageId });
      if (answer.done) {
        return Number(answer.deleted_count) + Number(answer.already_deleted_count);
      }
    }
  }

  // The code and the details of the error that this call ends in.
  async refusal(method, role, request) {
    const error = await this.call(method, role, request).then(
      () => assert.fail(`${method} was not refused`),
      (refused) => refused,
    );
    if (error instanceof assert.AssertionError) {
      throw error;
    }
    return { code: grpc.status[error.code], ...details(error) };
  }
}

async function main(readyFile) {
  const walk = new Walk(JSON.parse(readFileSync(readyFile, 'utf8')));
  const [one, two] = walk.messages;

  const { checksum_sha256: sent, event_file: file } = await walk.putFile();
  const first = await walk.register(one, file);
  const second = await walk.register(two, file);
  same('two messages, two attachments', new Set([first, second]).size, 2);
  await walk.waitUntilStored([first, second]);
  for (const [messageId, id] of [[one, first], [two, second]]) {
    same(`list of ${messageId}`, await walk.listed(messageId), [id]);
    same(`link of ${messageId}`, await walk.linked(id), sent);
    const ignore = () => {};
    const info = await download(walk.client, walk.tokens.bff, id, ignore, { limit: 250_000 });
    same(`bytes of ${messageId}, in three streams`, info.checksum_sha256, sent);
  }

  const link = (id) => walk.refusal('IssueAccessLink', 'bff', { attachment_id: id });
  same('purge of the first', await walk.purge(one), 1);
  let refused = await link(first);
  same('link of the first', [refused.code, refused.ErrorInfo.reason], DELETED);
  same('link of the second', await walk.linked(second), sent);
  same('purge of the second', await walk.purge(two), 1);
  refused = await link(second);
  same('link of the second', [refused.code, refused.ErrorInfo.reason], DELETED);

  refused = await walk.refusal('GetAttachment', 'bff', { attachment_id: randomUUID() });
  const unknown = ['NOT_FOUND', 'ATTACHMENT_NOT_FOUND'];
  same('an unknown id', [refused.code, refused.ErrorInfo.reason], unknown);
  refused = await walk.refusal('RegisterAttachment', 'gateway', { channel_id: 'no blanks' });
  const fields = refused.BadRequest.fieldViolations.map((violation) => violation.field).sort();
  same('a malformed request', fields, ['channel_id', 'message_id', 'source']);
  walk.client.close();
  console.log('the walk is done');
}

function say(what, text) {
  console.log(`${what.padEnd(8)}${text}`);
}

function same(what, found, expected) {
  assert.deepEqual(found, expected, `${what}: ${found}, and not ${expected}`);
  say('ok', `${what}: ${found}`);
}

try {
  await main(process.argv[2]);
} catch (error) {
  const isGrpc = error.metadata instanceof grpc.Metadata;
  const said = isGrpc ? `${grpc.status[error.code]} ${reason(error)}: ${error.details}` : error.message;
  console.error(`FAILED  ${said}`);
  process.exit(1);
}
