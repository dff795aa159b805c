"""Messages: from an alarm's effect to a person's phone, through a durable outbox."""
