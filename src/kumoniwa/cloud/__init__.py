"""Regions as objects, processes as packaging: region, process, fleet, door, admin. The composition root."""
