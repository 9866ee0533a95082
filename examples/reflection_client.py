"""Registers, reads, links and streams a file, knowing nothing but the server's reflection.

pip install grpcio grpcio-reflection
cargo run -- dev --ready-file ready.json  # then, beside it: python examples/reflection_client.py ready.json
"""

import hashlib
import json
import sys
import time
import urllib.request

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import MessageToJson, ParseDict
from google.protobuf.message_factory import GetMessageClass
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)


class Service:
    """Calls RPCs by name, with requests as dicts."""

    def __init__(self, channel, name):
        self.channel, self.name = channel, name
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self.methods = pool.FindServiceByName(name).methods_by_name

    def call(self, method, token, **request):
        rpc = self.methods[method]
        shape = self.channel.unary_stream if rpc.server_streaming else self.channel.unary_unary
        stub = shape(
            f"/{self.name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(rpc.output_type).FromString,
        )
        message = ParseDict(request, GetMessageClass(rpc.input_type)())
        return stub(message, metadata=[("authorization", f"Bearer {token}")], timeout=30)


def put_line_message(simulator, message_id):
    """Lets the simulated LINE have a picture; gives its SHA-256."""
    url = f"{simulator}/control/line/messages/{message_id}"
    body = json.dumps({"fixture": "png", "size": 1_000_000}).encode()
    request = urllib.request.Request(url, body, method="PUT")
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)["checksum_sha256"]


def main(ready_file):
    with open(ready_file) as file:
        ready = json.load(file)
    gateway, bff = ready["tokens"]["gateway"], ready["tokens"]["bff"]
    service = Service(grpc.insecure_channel(ready["grpc"]), "attachments.v1.AttachmentService")
    message_id = str(time.time_ns())
    sent = put_line_message(ready["simulator"], message_id)

    source = {"channel_id": ready["channels"]["line"], "line": {"message_id": message_id}}
    answer = service.call("RegisterAttachment", gateway, message_id=message_id, **source)
    this = {"attachment_id": answer.attachment.attachment_id}
    deadline = time.monotonic() + 30
    while not (found := service.call("GetAttachment", bff, **this).attachment).checksum_sha256:
        assert time.monotonic() < deadline, MessageToJson(found)
        time.sleep(0.05)
    print(MessageToJson(found))

    link = service.call("IssueAccessLink", bff, **this).link.url
    with urllib.request.urlopen(link) as answer:
        linked = hashlib.sha256(answer.read()).hexdigest()
    streamed = hashlib.sha256()
    for message in service.call("GetAttachmentBytes", bff, **this):
        streamed.update(message.chunk)
    assert sent == linked == streamed.hexdigest() == found.checksum_sha256
    print("sent, recorded, linked and streamed:", sent)


if __name__ == "__main__":
    main(sys.argv[1])
