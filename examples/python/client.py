"""Calls the attachment service by what its reflection says: no generated code.

docs/clients.md explains these lines; walk.py uses them.
"""

import hashlib
import json
import pathlib
import random
import time

import grpc
from google.protobuf.descriptor_pool import DescriptorPool
from google.protobuf.json_format import ParseDict
from google.protobuf.message_factory import GetMessageClass
from google.rpc.error_details_pb2 import BadRequest, ErrorInfo, RetryInfo
from grpc_reflection.v1alpha.proto_reflection_descriptor_database import (
    ProtoReflectionDescriptorDatabase,
)
from grpc_status import rpc_status

CONTRACT = pathlib.Path(__file__).parents[2] / "proto/attachments/v1"


def connect(target):
    """A channel with the retries that the service asks of its clients."""
    config = json.loads((CONTRACT / "service_config.json").read_text())
    for methods in config["methodConfig"]:
        # Given at the call instead: grpcio may end a call early that has it from here.
        methods.pop("timeout", None)
    return grpc.insecure_channel(target, options=[("grpc.service_config", json.dumps(config))])


def deadlines():
    """The seconds that the service config gives each RPC."""
    config = json.loads((CONTRACT / "service_config.json").read_text())
    return {
        name["method"]: float(methods["timeout"].rstrip("s"))
        for methods in config["methodConfig"]
        for name in methods["name"]
        if "timeout" in methods
    }


class Service:
    """Calls RPCs by name, with requests as dicts."""

    def __init__(self, channel, name="attachments.v1.AttachmentService"):
        self.channel, self.name = channel, name
        pool = DescriptorPool(ProtoReflectionDescriptorDatabase(channel))
        self.methods = pool.FindServiceByName(name).methods_by_name
        self.deadlines = deadlines()

    def call(self, method, token, language="en", timeout=None, **request):
        rpc = self.methods[method]
        shape = self.channel.unary_stream if rpc.server_streaming else self.channel.unary_unary
        stub = shape(
            f"/{self.name}/{method}",
            request_serializer=lambda message: message.SerializeToString(),
            response_deserializer=GetMessageClass(rpc.output_type).FromString,
        )
        message = ParseDict(request, GetMessageClass(rpc.input_type)())
        metadata = [("authorization", f"Bearer {token}"), ("accept-language", language)]
        return stub(message, metadata=metadata, timeout=timeout or self.deadlines.get(method))


def status_of(record):
    """Its name. One that is newer than this client is no status that it can act on."""
    known = record.status in record.Status.values()
    return record.Status.Name(record.status) if known else "STATUS_UNSPECIFIED"


def details(error):
    """What an error says besides its code: {"ErrorInfo": ..., "BadRequest": ..., "RetryInfo": ...}"""
    found = {}
    status = rpc_status.from_call(error)
    for packed in status.details if status else []:
        for kind in (ErrorInfo, BadRequest, RetryInfo):
            detail = kind()
            if packed.Unpack(detail):
                found[kind.DESCRIPTOR.name] = detail
    return found


def reason(error):
    """Why, in a word that programs may compare; empty when the error is not the service's."""
    info = details(error).get("ErrorInfo")
    return info.reason if info else ""


def seconds_to_wait(error):
    """How long to wait before the call is repeated; None when it should not be."""
    retry = details(error).get("RetryInfo")
    if retry:
        return retry.retry_delay.ToTimedelta().total_seconds()
    # No connection, so nobody said anything.
    return 1 if error.code() == grpc.StatusCode.UNAVAILABLE else None


def repeat(call, times=5):
    """Makes a call again while that may help. Every call of the service may be repeated."""
    for attempt in range(times):
        try:
            return call()
        except grpc.RpcError as error:
            late = error.code() == grpc.StatusCode.DEADLINE_EXCEEDED
            wait = 0 if late else seconds_to_wait(error)
            if wait is None or attempt + 1 == times:
                raise
            time.sleep(wait * 2**attempt * random.uniform(1, 1.5))


def pages(service, token, **filters):
    """The pages of a list. A page may be empty and not be the last."""
    page_token = ""
    while True:
        this = {"page_token": page_token, **filters}
        page = repeat(lambda: service.call("ListAttachments", token, **this))
        yield page
        page_token = page.next_page_token
        if not page_token:
            return


def follow(service, token, timeout=None, **filters):
    """Gives each record as it is now, then again after each change, without a gap."""
    cursor, newest = "", {}
    while True:
        try:
            if not cursor:
                for page in pages(service, token, **filters):
                    cursor = cursor or page.watch_cursor
                    for record in page.attachments:
                        newest[record.attachment_id] = record.update_time.ToNanoseconds()
                        yield record
            changes = service.call(
                "WatchAttachments",
                token,
                timeout=timeout,
                cursor=cursor,
                checkpoint_interval="30s",
                **filters,
            )
            for change in changes:
                cursor = change.cursor
                record, time_of = change.attachment, change.attachment.update_time.ToNanoseconds()
                # A checkpoint carries only a cursor; the list may know a change already.
                if change.HasField("attachment") and time_of > newest.get(record.attachment_id, 0):
                    newest[record.attachment_id] = time_of
                    yield record
        except grpc.RpcError as error:
            if reason(error) == "CURSOR_EXPIRED":
                cursor = ""
            elif (wait := seconds_to_wait(error)) is not None:
                time.sleep(wait)
            else:
                raise


def download(service, token, attachment_id, into, limit=0):
    """Writes the bytes, goes on where a stream broke, and compares the checksum."""
    digest, received, whole = hashlib.sha256(), 0, None
    while whole is None or received < whole.size_bytes:
        this = {"attachment_id": attachment_id, "offset": received, "limit": limit}
        try:
            for message in service.call("GetAttachmentBytes", token, **this):
                if message.HasField("info"):
                    if whole and whole.checksum_sha256 != message.info.checksum_sha256:
                        raise ValueError(f"{attachment_id} has other bytes than before")
                    whole = message.info
                elif message.HasField("chunk"):
                    into.write(message.chunk)
                    digest.update(message.chunk)
                    received += len(message.chunk)
        except grpc.RpcError as error:
            wait = seconds_to_wait(error)
            if wait is None:
                raise
            time.sleep(wait)
    if digest.hexdigest() != whole.checksum_sha256:
        raise ValueError(f"{attachment_id} came damaged")
    return whole
