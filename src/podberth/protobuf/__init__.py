"""The encoding of protobuf, for others' protocols: bytes by hand (`wire`), or messages of the library's (`classes`)."""
