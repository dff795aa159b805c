"""The relational state: alarm journal, outbox, rosters, work orders and audit, in one database and one transaction."""
