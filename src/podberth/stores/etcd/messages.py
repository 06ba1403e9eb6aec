"""The messages of etcd's API that are used here, made when this module is imported; no values and no calls.

A table in place of generated code: nothing has to be compiled, by us or by whoever installs the wheel. Names, numbers
and types are facts of etcd's API (etcd.io/docs/v3.4/dev-guide/api_reference_v3); fields that nobody here reads or
writes are left out, and protobuf passes over them. The pool is our own: other clients of etcd in this process, which
bring the same names, can't collide with it.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

# `name:type=number`, after `*` if repeated, after `?` if it is one of the message's alternatives (a oneof). A type that
# is capitalised is another message of the table. Enumerations are numbers on the wire, so they are int32 here.
TABLE = {
    "Header": "cluster_id:uint64=1 member_id:uint64=2 revision:int64=3",
    "KeyValue": "key:bytes=1 create_revision:int64=2 mod_revision:int64=3 version:int64=4 value:bytes=5",
    "RangeRequest": "key:bytes=1 range_end:bytes=2 limit:int64=3 revision:int64=4 keys_only:bool=8"
    " min_mod_revision:int64=10",
    "RangeResponse": "header:Header=1 *kvs:KeyValue=2 more:bool=3",
    "PutRequest": "key:bytes=1 value:bytes=2",
    "PutResponse": "header:Header=1",
    "DeleteRangeRequest": "key:bytes=1 range_end:bytes=2",
    "DeleteRangeResponse": "header:Header=1 deleted:int64=2",
    "RequestOp": "?range:RangeRequest=1 ?put:PutRequest=2 ?delete:DeleteRangeRequest=3",
    "ResponseOp": "?range:RangeResponse=1 ?put:PutResponse=2 ?delete:DeleteRangeResponse=3",
    "Compare": "result:int32=1 target:int32=2 key:bytes=3 ?version:int64=4 ?create_revision:int64=5"
    " ?mod_revision:int64=6 ?value:bytes=7 range_end:bytes=64",
    "TxnRequest": "*compare:Compare=1 *success:RequestOp=2 *failure:RequestOp=3",
    "TxnResponse": "header:Header=1 succeeded:bool=2 *responses:ResponseOp=3",
    "CompactionRequest": "revision:int64=1",
    "CompactionResponse": "header:Header=1",
    "Event": "type:int32=1 kv:KeyValue=2",
    "WatchCreateRequest": "key:bytes=1 range_end:bytes=2 start_revision:int64=3 progress_notify:bool=4",
    "WatchProgressRequest": "",
    "WatchRequest": "?create:WatchCreateRequest=1 ?progress:WatchProgressRequest=3",
    "WatchResponse": "header:Header=1 watch_id:int64=2 created:bool=3 canceled:bool=4 compact_revision:int64=5"
    " cancel_reason:string=6 *events:Event=11",
    "AuthenticateRequest": "name:string=1 password:string=2",
    "AuthenticateResponse": "token:string=2",
    "StatusRequest": "",
    "StatusResponse": "header:Header=1 version:string=2 db_size:int64=3 leader:uint64=4 *errors:string=8"
    " db_size_in_use:int64=9",
}
PACKAGE = "podberth.etcd"


def _built(table: dict[str, str]) -> dict[str, Any]:
    """Return the class of each message in the table, by name."""
    file = descriptor_pb2.FileDescriptorProto(name="podberth/etcd.proto", package=PACKAGE, syntax="proto3")
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add(message, field)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{PACKAGE}.{name}")) for name in table}


def _add(message: Any, written: str) -> None:
    name, kind, number = written.lstrip("*?").replace("=", ":").split(":")
    field = message.field.add(name=name, number=int(number))
    field.label = field.LABEL_REPEATED if written[0] == "*" else field.LABEL_OPTIONAL
    if kind[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".{PACKAGE}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    if written[0] == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name="one")
        field.oneof_index = 0


_CLASSES = _built(TABLE)
RangeRequest = _CLASSES["RangeRequest"]
RangeResponse = _CLASSES["RangeResponse"]
PutRequest = _CLASSES["PutRequest"]
PutResponse = _CLASSES["PutResponse"]
DeleteRangeRequest = _CLASSES["DeleteRangeRequest"]
DeleteRangeResponse = _CLASSES["DeleteRangeResponse"]
RequestOp = _CLASSES["RequestOp"]
Compare = _CLASSES["Compare"]
TxnRequest = _CLASSES["TxnRequest"]
TxnResponse = _CLASSES["TxnResponse"]
CompactionRequest = _CLASSES["CompactionRequest"]
CompactionResponse = _CLASSES["CompactionResponse"]
WatchRequest = _CLASSES["WatchRequest"]
WatchCreateRequest = _CLASSES["WatchCreateRequest"]
WatchProgressRequest = _CLASSES["WatchProgressRequest"]
WatchResponse = _CLASSES["WatchResponse"]
AuthenticateRequest = _CLASSES["AuthenticateRequest"]
AuthenticateResponse = _CLASSES["AuthenticateResponse"]
StatusRequest = _CLASSES["StatusRequest"]
StatusResponse = _CLASSES["StatusResponse"]
