"""Writes a small City database in MaxMind's format.

Usage: write_places.py FILE DATABASE_TYPE [NETWORK LATITUDE LONGITUDE]...
"""

import sys

from mmdb_writer import MMDBWriter
from netaddr import IPSet

path, kind, *places = sys.argv[1:]
writer = MMDBWriter(ip_version=6, ipv4_compatible=True, database_type=kind, languages=["en"])
for network, latitude, longitude in zip(places[::3], places[1::3], places[2::3]):
    location = {"latitude": float(latitude), "longitude": float(longitude), "accuracy_radius": 20}
    writer.insert_network(IPSet([network]), {"location": location})
writer.to_db_file(path)
