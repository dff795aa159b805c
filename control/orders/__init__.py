"""Work orders: from a fault to a repair that the readings confirm."""
