"""A connection to an endpoint, with its calls made ready; no choice among endpoints."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import grpc

from podberth.stores.etcd import messages
from podberth.stores.etcd.url import Endpoint, endpoint

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ("Connection", "Endpoint", "endpoint")

# github.com/grpc/grpc: include/grpc/impl/channel_arg_names.h; times in milliseconds.
_OPTIONS = (
    ("grpc.enable_http_proxy", 0),
    ("grpc.use_local_subchannel_pool", 1),  # clients don't wait for each other's connections
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 500),
    # A host that vanishes is noticed after 13 s; etcd refuses pings more often than every 5 s.
    ("grpc.keepalive_time_ms", 10_000),
    ("grpc.keepalive_timeout_ms", 3_000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_receive_message_length", -1),  # an answer that came must not count as lost
)


class Connection:
    """A channel to one endpoint, and the calls it carries, each made once. It connects when it is first used.

    `seconds` is how long connecting may take: a call to a host that is silent fails after them.
    """

    def __init__(self, to: Endpoint, credentials: grpc.ChannelCredentials | None, seconds: float) -> None:
        self.url = to.url
        options = (*_OPTIONS, ("grpc.min_reconnect_backoff_ms", int(seconds * 1000)))
        if credentials is None:
            self._channel = grpc.insecure_channel(to.target, options=options)
        else:
            self._channel = grpc.secure_channel(to.target, credentials, options=options)
        self.range = self._unary("KV/Range", messages.RangeRequest, messages.RangeResponse)
        self.put = self._unary("KV/Put", messages.PutRequest, messages.PutResponse)
        self.delete = self._unary("KV/DeleteRange", messages.DeleteRangeRequest, messages.DeleteRangeResponse)
        self.txn = self._unary("KV/Txn", messages.TxnRequest, messages.TxnResponse)
        self.compact = self._unary("KV/Compact", messages.CompactionRequest, messages.CompactionResponse)
        self.status = self._unary("Maintenance/Status", messages.StatusRequest, messages.StatusResponse)
        self.authenticate = self._unary(
            "Auth/Authenticate", messages.AuthenticateRequest, messages.AuthenticateResponse
        )
        self.watch = self._channel.stream_stream(
            "/etcdserverpb.Watch/Watch",
            request_serializer=messages.WatchRequest.SerializeToString,
            response_deserializer=messages.WatchResponse.FromString,
        )

    def close(self) -> None:
        """End the connection and every call on it."""
        self._channel.close()

    def _unary(self, method: str, request: Any, response: Any) -> Callable[..., Any]:
        made: Callable[..., Any] = self._channel.unary_unary(
            f"/etcdserverpb.{method}",
            request_serializer=request.SerializeToString,
            response_deserializer=response.FromString,
        )
        return made
