"""Reads every kind of answer with the clients that openapi-python-client made; `read.py LOCATION_URL USER_URL TOKEN`."""

import sys

from location_client import AuthenticatedClient, Client
from location_client.api.locations import (
    create_location,
    delete_location,
    find_nearest_locations,
    get_location,
    get_locations,
    list_locations,
    replace_location,
)
from location_client.api.operation import get_health
from location_client.models import Location, LocationBody, Problem
from location_client.models.status import Status
from user_client import AuthenticatedClient as UserClient
from user_client.api.users import create_user, get_user, list_users
from user_client.models import GetUserInclude, User, UserBody
from user_client.models import Problem as UserProblem

location_url, user_url, token = sys.argv[1:]
OSLO = 3143244


def a(kind, value):
    assert isinstance(value, kind), f"not a {kind.__name__}: {value}"
    return value


reader = Client(base_url=location_url, raise_on_unexpected_status=True)
writer = AuthenticatedClient(base_url=location_url, token=token, raise_on_unexpected_status=True)
assert a(Location, get_location.sync(client=reader, id=OSLO)).name == "Oslo"
assert a(Problem, get_location.sync(client=reader, id=7)).type_ == "urn:problem-type:not-found"
page = list_locations.sync(client=reader, country="NO", limit=2)
assert [a(Location, place).country for place in page.items] == ["NO", "NO"] and page.next_
assert a(Problem, list_locations.sync(client=reader, limit=0)).status == 400
found = get_locations.sync(client=reader, ids=f"{OSLO},7")
assert [place.id for place in found.items] == [OSLO], found
near = find_nearest_locations.sync(client=reader, lat=59.9, lon=10.7, limit=1)
assert near.items[0].name == "Oslo" and near.items[0].distance_m < 10_000, near
assert get_health.sync(client=reader).checks.database.status == Status.PASS

body = LocationBody(
    country="NO", latitude=59.9, longitude=10.7, name="Generated", population=1, timezone="Europe/Oslo"
)
made = create_location.sync_detailed(client=writer, body=body)
assert made.status_code == 201 and made.headers["location"] == f"/locations/{made.parsed.id}", made
tag = made.headers["etag"]
assert get_location.sync_detailed(client=reader, id=made.parsed.id, if_none_match=tag).status_code == 304
stale = replace_location.sync(client=writer, id=made.parsed.id, body=body, if_match='"99"')
assert a(Problem, stale).status == 412
body.country = "no"
wrong = a(Problem, replace_location.sync(client=writer, id=made.parsed.id, body=body))
assert wrong.status == 422 and [error.field for error in wrong.errors] == ["country"], wrong
stranger = AuthenticatedClient(base_url=location_url, token="wrong")
assert a(Problem, delete_location.sync(client=stranger, id=made.parsed.id)).status == 401
assert delete_location.sync_detailed(client=writer, id=made.parsed.id).status_code == 204

users = UserClient(base_url=user_url, token=token, raise_on_unexpected_status=True)
assert a(User, list_users.sync(client=users, limit=1).items[0]).username
user = UserBody(display_name="Ada Hansen", email="generated@example.com", username="generated", location_id=OSLO)
ada = a(User, create_user.sync(client=users, body=user))
assert a(User, get_user.sync(client=users, id=ada.id, include=GetUserInclude.LOCATION)).location.name == "Oslo"
assert a(UserProblem, create_user.sync(client=users, body=user)).status == 409
print("every answer was read")
