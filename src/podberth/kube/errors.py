"""What a Kubernetes API can answer, or fail to, as errors a CNI caller understands.

The names follow the reasons of a Status (Kubernetes API concepts; API conventions, "Response Status Kind"). What the
server says about it is passed on in the message.
"""

from __future__ import annotations

from podberth.cni.errors import StoreFailed, TryAgainLater


class NotFound(StoreFailed):
    """404: there is no such object, or no such resource: is the custom resource definition installed?"""


class AlreadyExists(StoreFailed):
    """409 on create: an object of that name is there."""


class Conflict(TryAgainLater):
    """409: the object is not as the caller believed; read it again."""


class Gone(StoreFailed):
    """410: the server does not remember that far back; list anew."""


class Unauthorized(StoreFailed):
    """401: the server does not know who asks, also after the credentials were read again."""


class Forbidden(StoreFailed):
    """403: the verb and resource that RBAC does not grant are named."""


class Invalid(StoreFailed):
    """422, or 400: the object was refused; the server's message names the field."""


class Rejected(StoreFailed):
    """Any other answer that says no; the status code is named."""


class Unavailable(TryAgainLater):
    """Nothing was done: the server can't be reached, or it asks to come back later for longer than we may wait."""


class WebhookDown(Unavailable):
    """The API server answers, and did nothing: a webhook that has to be asked before does not answer."""


class Unknown(TryAgainLater):
    """A write was sent, and its answer lost or a failure: it may have been done, or may yet be. Read, then decide."""
