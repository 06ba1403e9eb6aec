"""Classes of protobuf messages from a table, made when a module that has one is imported.

A table in place of generated code: nothing has to be compiled, by us or by those who install the wheel. Each table has
a pool of descriptors of its own: other clients in this process, which bring the same names, can't collide with it.

A field is written `name:type=number`, after `*` if repeated, after `?` if it is one of the message's alternatives (a
oneof). A type that is capitalised is another message of the table, and `map` is one of strings by strings. Enumerations
are numbers on the wire, so they are int32 here. Fields that nobody here reads or writes are left out, and protobuf
passes over them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

if TYPE_CHECKING:
    from collections.abc import Mapping


def classes(table: Mapping[str, str], package: str) -> dict[str, Any]:
    """Return the class of each message in the table, by name."""
    file = descriptor_pb2.FileDescriptorProto(
        name=f"{package.replace('.', '/')}.proto", package=package, syntax="proto3"
    )
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for field in fields.split():
            _add(message, field, package)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in table}


def _add(message: Any, written: str, package: str) -> None:
    name, kind, number = written.lstrip("*?").replace("=", ":").split(":")
    field = message.field.add(name=name, number=int(number))
    field.label = field.LABEL_REPEATED if written[0] == "*" or kind == "map" else field.LABEL_OPTIONAL
    if kind == "map":
        field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{message.name}.{_entry(message, name)}"
    elif kind[0].isupper():
        field.type, field.type_name = field.TYPE_MESSAGE, f".{package}.{kind}"
    else:
        field.type = getattr(field, f"TYPE_{kind.upper()}")
    if written[0] == "?":
        if not message.oneof_decl:
            message.oneof_decl.add(name="one")
        field.oneof_index = 0


def _entry(message: Any, name: str) -> str:
    """Add the message that a map's members are on the wire, and return its name."""
    entry = message.nested_type.add(name="".join(map(str.capitalize, name.split("_"))) + "Entry")
    entry.options.map_entry = True
    for number, part in enumerate(("key", "value"), 1):
        field = entry.field.add(name=part, number=number)
        field.type, field.label = field.TYPE_STRING, field.LABEL_OPTIONAL
    return str(entry.name)
