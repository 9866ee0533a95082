"""Shows a tenant's changes as they come, until the replica stops and says when to come back.

python examples/python/watch.py ready.json
"""

import json
import sys

import grpc
from client import Service, connect, details, reason, seconds_to_wait, status_of


def main(ready_file):
    with open(ready_file) as file:
        ready = json.load(file)
    service = Service(connect(ready["grpc"]))
    request = {"checkpoint_interval": "1s"}
    try:
        for change in service.call("WatchAttachments", ready["tokens"]["bff"], **request):
            record = change.attachment
            is_change = change.HasField("attachment")
            what = f"{record.message_id} {status_of(record)}" if is_change else "checkpoint"
            print(what, flush=True)
    except grpc.RpcError as error:
        said = f"{error.code().name} {reason(error)}: {error.details()}"
        if reason(error) != "STOPPING" or "RetryInfo" not in details(error):
            sys.exit(f"FAILED  {said}")
        print(f"{said}; in {seconds_to_wait(error):g} s", flush=True)


if __name__ == "__main__":
    main(sys.argv[1])
