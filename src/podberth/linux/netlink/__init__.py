"""rtnetlink: the codec (values to bytes) apart from the socket."""
