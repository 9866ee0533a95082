"""A file of Slack that is shared in two messages, from its registration to its end.

pip install --requirement examples/python/requirements.txt
cargo run -- dev --ready-file ready.json    # then, beside it:
python examples/python/walk.py ready.json
"""

import hashlib
import io
import json
import sys
import time
import urllib.request
import uuid

import grpc
from client import Service, connect, details, download, follow, pages, reason, repeat, status_of

PATIENCE_SECONDS = 120


class Walk:
    """The steps, each with the token of the role that takes it."""

    def __init__(self, ready):
        self.service = Service(connect(ready["grpc"]))
        self.tokens, self.channel_id = ready["tokens"], ready["channels"]["slack"]
        self.simulator = ready["simulator"]
        self.run = time.time_ns()
        self.messages = [f"python-{self.run}-1", f"python-{self.run}-2"]

    def call(self, method, role, **request):
        return repeat(lambda: self.service.call(method, self.tokens[role], **request))

    def put_file(self):
        """Lets the simulated Slack have a file; gives its SHA-256 and what an event says of it."""
        url = f"{self.simulator}/control/slack/files/F{self.run}"
        body = json.dumps({"fixture": "pdf", "size": 600_000, "name": "Report.pdf"}).encode()
        with urllib.request.urlopen(urllib.request.Request(url, body, method="PUT")) as answer:
            file = json.load(answer)
        return file["checksum_sha256"], file["event_file"]

    def register(self, message_id, file):
        source = {
            "file_id": file["id"],
            "url_private_download": file["url_private_download"],
            "mode": file["mode"],
        }
        answer = self.call(
            "RegisterAttachment",
            "gateway",
            channel_id=self.channel_id,
            slack=source,
            message_id=message_id,
            file_name=file["name"],
            declared_content_type=file["mimetype"],
            declared_size_bytes=file["size"],
        )
        return answer.attachment.attachment_id

    def wait_until_stored(self, ids):
        """From a list's cursor on, so that no change is missed."""
        open_ids = set(ids)
        changes = follow(
            self.service, self.tokens["bff"], PATIENCE_SECONDS, message_ids=self.messages
        )
        for record in changes:
            status = status_of(record)
            say("status", f"{record.message_id} {status}")
            if status == "STORED":
                open_ids.discard(record.attachment_id)
            elif status not in ("PENDING", "DOWNLOADING") and not record.retryable:
                raise AssertionError(f"{status}: {record.failure_message}")
            if not open_ids:
                return

    def listed(self, message_id):
        of_message = {"message_ids": [message_id]}
        all_pages = pages(self.service, self.tokens["bff"], **of_message)
        return [record.attachment_id for page in all_pages for record in page.attachments]

    def linked(self, attachment_id):
        """The SHA-256 of what the link leads to."""
        answer = self.call("IssueAccessLink", "bff", attachment_id=attachment_id)
        with urllib.request.urlopen(answer.link.url) as body:
            return hashlib.sha256(body.read()).hexdigest()

    def purge(self, message_id):
        """Until it is done: a large group may take several calls. Gives how many are deleted."""
        while True:
            answer = self.call("PurgeAttachments", "agent", message_id=message_id)
            if answer.done:
                return answer.deleted_count + answer.already_deleted_count

    def refusal(self, method, role, **request):
        """The details of the error that this call ends in."""
        try:
            self.call(method, role, **request)
        except grpc.RpcError as error:
            return error.code().name, details(error)
        raise AssertionError(f"{method} was not refused")


def main(ready_file):
    with open(ready_file) as file:
        walk = Walk(json.load(file))

    sent, file = walk.put_file()
    ids = [walk.register(message_id, file) for message_id in walk.messages]
    same("two messages, two attachments", len(set(ids)), 2)
    walk.wait_until_stored(ids)
    for message_id, attachment_id in zip(walk.messages, ids):
        same(f"list of {message_id}", walk.listed(message_id), [attachment_id])
        same(f"link of {message_id}", walk.linked(attachment_id), sent)
        info = download(
            walk.service, walk.tokens["bff"], attachment_id, io.BytesIO(), limit=250_000
        )
        same(f"bytes of {message_id}, in three streams", info.checksum_sha256, sent)

    first, second = ids
    same("purge of the first", walk.purge(walk.messages[0]), 1)
    code, found = walk.refusal("IssueAccessLink", "bff", attachment_id=first)
    same("link of the first", (code, found["ErrorInfo"].reason), DELETED)
    same("link of the second", walk.linked(second), sent)
    same("purge of the second", walk.purge(walk.messages[1]), 1)
    code, found = walk.refusal("IssueAccessLink", "bff", attachment_id=second)
    same("link of the second", (code, found["ErrorInfo"].reason), DELETED)

    code, found = walk.refusal("GetAttachment", "bff", attachment_id=str(uuid.uuid4()))
    same("an unknown id", (code, found["ErrorInfo"].reason), ("NOT_FOUND", "ATTACHMENT_NOT_FOUND"))
    code, found = walk.refusal("RegisterAttachment", "gateway", channel_id="no blanks")
    fields = sorted(violation.field for violation in found["BadRequest"].field_violations)
    same("a malformed request", (code, fields), MALFORMED)
    print("the walk is done")


DELETED = ("FAILED_PRECONDITION", "ATTACHMENT_DELETED")
MALFORMED = ("INVALID_ARGUMENT", ["channel_id", "message_id", "source"])


def say(what, text):
    print(f"{what:8}{text}", flush=True)


def same(what, found, expected):
    if found != expected:
        raise AssertionError(f"{what}: {found!r}, and not {expected!r}")
    say("ok", f"{what}: {found}")


if __name__ == "__main__":
    try:
        main(sys.argv[1])
    except grpc.RpcError as error:
        sys.exit(f"FAILED  {error.code().name} {reason(error)}: {error.details()}")
    except (AssertionError, OSError, ValueError) as error:
        sys.exit(f"FAILED  {error}")
