"""Sparkplug B 3.0: codec, topics, edge session, host session (sans-I/O); ``transport`` alone holds the MQTT client."""
