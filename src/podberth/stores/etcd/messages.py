"""The messages of etcd's API that are used here, made when this module is imported; no values and no calls.

Names, numbers and types are facts of etcd's API (etcd.io/docs/v3.4/dev-guide/api_reference_v3). `protobuf/classes.py`
says how the table is written.
"""

from __future__ import annotations

from podberth.protobuf.classes import classes

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

_CLASSES = classes(TABLE, PACKAGE)
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
