"""The Sparkplug B payload as a protobuf descriptor, built in code from the published field numbers (domain pitfalls 4.5).

Data sets, templates and nested property sets are declared as opaque bytes: on the wire they are length-delimited just as bytes
are, so payloads that hold them parse, and a metric that carries one can be recognised and reported. Fields not declared here
are skipped by protobuf itself. A private descriptor pool keeps us apart from any other Sparkplug library in the process.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

_Field = descriptor_pb2.FieldDescriptorProto
_PACKAGE = "lampwell.sparkplug"

_TYPES = {
    "bool": _Field.TYPE_BOOL,
    "bytes": _Field.TYPE_BYTES,
    "double": _Field.TYPE_DOUBLE,
    "float": _Field.TYPE_FLOAT,
    "string": _Field.TYPE_STRING,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}

# message -> field -> (number, type); "*" marks a repeated field, "=" a member of the message's one-of ``value``
_MESSAGES: dict[str, dict[str, tuple[int, str]]] = {
    "PropertyValue": {
        "type": (1, "uint32"),
        "is_null": (2, "bool"),
        "int_value": (3, "=uint32"),
        "long_value": (4, "=uint64"),
        "float_value": (5, "=float"),
        "double_value": (6, "=double"),
        "boolean_value": (7, "=bool"),
        "string_value": (8, "=string"),
        "propertyset_value": (9, "=bytes"),
        "propertysets_value": (10, "=bytes"),
    },
    "PropertySet": {"keys": (1, "*string"), "values": (2, "*PropertyValue")},
    "Metric": {
        "name": (1, "string"),
        "alias": (2, "uint64"),
        "timestamp": (3, "uint64"),
        "datatype": (4, "uint32"),
        "is_historical": (5, "bool"),
        "is_transient": (6, "bool"),
        "is_null": (7, "bool"),
        "metadata": (8, "bytes"),
        "properties": (9, "PropertySet"),
        "int_value": (10, "=uint32"),
        "long_value": (11, "=uint64"),
        "float_value": (12, "=float"),
        "double_value": (13, "=double"),
        "boolean_value": (14, "=bool"),
        "string_value": (15, "=string"),
        "bytes_value": (16, "=bytes"),
        "dataset_value": (17, "=bytes"),
        "template_value": (18, "=bytes"),
    },
    "Payload": {
        "timestamp": (1, "uint64"),
        "metrics": (2, "*Metric"),
        "seq": (3, "uint64"),
        "uuid": (4, "string"),
        "body": (5, "bytes"),
    },
}


def _add_field(message: descriptor_pb2.DescriptorProto, name: str, number: int, spec: str) -> None:
    kind = spec.lstrip("*=")
    field = message.field.add(name=name, number=number)
    field.label = _Field.LABEL_REPEATED if spec[0] == "*" else _Field.LABEL_OPTIONAL
    if kind in _TYPES:
        field.type = _TYPES[kind]
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{kind}"
    if spec[0] == "=":
        field.oneof_index = 0


def _build() -> descriptor_pool.DescriptorPool:
    file = descriptor_pb2.FileDescriptorProto(name="lampwell/sparkplug_b.proto", package=_PACKAGE, syntax="proto2")
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        if any(spec[0] == "=" for _, spec in fields.values()):
            message.oneof_decl.add(name="value")
        for field, (number, spec) in fields.items():
            _add_field(message, field, number, spec)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return pool


_POOL = _build()


def _message_class(name: str) -> Any:
    # Any: a class made at run time has no static type; codec.py is the only module that touches its fields one by one
    return message_factory.GetMessageClass(_POOL.FindMessageTypeByName(f"{_PACKAGE}.{name}"))


PayloadMessage: Any = _message_class("Payload")
"""The protobuf class of a whole payload."""

MetricMessage: Any = _message_class("Metric")
"""The protobuf class of one metric."""
