"""What hub and node share as running services: the database edge. It knows neither of them, nor the protocol."""
