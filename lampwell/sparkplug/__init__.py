"""Sparkplug B 3.0: codec, topics, edge session, host session (sans-I/O); ``connection`` alone holds the MQTT client."""
