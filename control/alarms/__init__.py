"""Alarms: rules as data, a pure engine after ISA-18.2 / IEC 62682 and OPC UA Part 9, and what feeds it."""
