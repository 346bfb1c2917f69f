"""What a gRPC call was refused with, from its status and `google.rpc` details."""

from google.rpc import error_details_pb2, status_pb2
from grpc import aio

from workflow_engine.testing.errors import Refused

DETAILS_KEY = "grpc-status-details-bin"


def refusal_of(error: aio.AioRpcError) -> Refused:
    info, bad = error_details_pb2.ErrorInfo(), error_details_pb2.BadRequest()
    for key, value in error.trailing_metadata() or ():
        if key == DETAILS_KEY and isinstance(value, bytes):
            for detail in status_pb2.Status.FromString(value).details:
                detail.Unpack(info)
                detail.Unpack(bad)
    code = info.metadata.get("code", "")
    return Refused(error.code().name, code, error.details() or "", [each.field for each in bad.field_violations])
