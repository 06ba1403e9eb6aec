"""A client of etcd's API, version 3: what a ledger of the whole cluster stands on. grpc and protobuf may be used here
and nowhere else, and only by a process that stays (docs/decisions/016-etcd-by-grpc.md has what importing them costs).

Here are calls, watches and etcd's own values: keys and values are bytes, and nothing knows what they mean.
"""
