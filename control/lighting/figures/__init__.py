"""What the bureau is told of a period: lamps lit, facilities intact, energy and money, times of repair. Bounds, never guesses."""
