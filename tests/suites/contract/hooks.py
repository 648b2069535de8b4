"""What Schemathesis cannot know from a document: what is there already, and what a version looks like.

Nothing here makes a check weaker than its words: what is dropped was no refusal of valid data.
"""

import itertools
import json
import os
import re

import schemathesis
from hypothesis import strategies
from schemathesis.core.failures import AcceptedNegativeData
from schemathesis.openapi.checks import RejectedPositiveData

NUMBERS = itertools.count(1)
KEY = re.compile(r"[!-~]{1,255}")
TAGS = "entity-tags"
PRECONDITIONS = ("if-match", "if-none-match")

# Names and addresses of users that are there, as far as an answer has told.
taken = set()

# The versions of something new, and lists of any other tags.
schemathesis.openapi.format(
    TAGS,
    strategies.sampled_from(["*", '"1"', '"2"', '"1", "2"', 'W/"1"'])
    | strategies.lists(strategies.from_regex(r'(W/)?"[!#-~\x80-\xff]*"', fullmatch=True), min_size=1).map(", ".join),
)


@schemathesis.hook
def before_load_schema(context, raw_schema):
    """Has the preconditions of writes made by the above: the coverage phase makes headers of letters and digits only, so it would have
    no valid one, and send an invalid one with each value of all other parameters."""
    for path in raw_schema["paths"].values():
        for operation in path.values():
            for parameter in operation.get("parameters", []):
                if parameter["name"] in PRECONDITIONS and "pattern" in parameter["schema"]:
                    parameter["schema"]["format"] = TAGS


@schemathesis.hook
def before_call(context, case, kwargs):
    """Makes unlike all others what has to be: else most requests to add something would show no more than that it is
    there already."""
    number = next(NUMBERS)
    # Nor was it in another run.
    new = f"{number}-{os.environ['RUN']}"
    key = case.headers.get("idempotency-key")
    if isinstance(key, str) and KEY.fullmatch(key):
        case.headers["idempotency-key"] = f"{key[: 254 - len(new)]}-{new}"
    # Of those to replace a user, every other one may meet another user's name.
    label = case.operation.label
    if isinstance(case.body, dict) and (label == "POST /users" or label == "PUT /users/{id}" and number % 2):
        for field, unlike in [("username", f"user{new}"), ("email", f"user{new}@example.com")]:
            value = case.body.get(field)
            if isinstance(value, str) and value in taken:
                case.body[field] = unlike


@schemathesis.hook
def after_call(context, case, response):
    """Takes note of the users that are there."""
    if case.operation.path.startswith("/users") and response.headers.get("content-type") == ["application/json"]:
        body = json.loads(response.content)
        for user in body.get("items", [body]):
            taken.update((user["username"], user.get("email")))
    elif response.status_code == 409:
        taken.update((case.body["username"], case.body["email"]))


@schemathesis.hook
def filter_failure(context, failure, case, response):
    """Drops what is no refusal of valid data, but of what is not there; Schemathesis tells how many there were. And a
    precondition that does not hold, whatever else is wrong: the service evaluates it before the content of the request
    (RFC 9110, 13.2.1), and Schemathesis expects another status."""
    if not isinstance(failure, (AcceptedNegativeData, RejectedPositiveData)) or response.status_code < 400:
        return True
    problem = json.loads(response.content)
    if is_stale(case, problem):
        return False
    return isinstance(failure, AcceptedNegativeData) or not lives_nowhere(case, problem)


def is_stale(case, problem):
    """412 is what preconditions are there for: which versions there are is nothing that a schema could say."""
    has_precondition = any(name in case.headers for name in PRECONDITIONS)
    return problem["type"] == "urn:problem-type:precondition-failed" and has_precondition


def lives_nowhere(case, problem):
    """Users live in places that there are. Which those are is nothing that a schema could say."""
    errors = problem.get("errors", [])
    return [error["field"] for error in errors] == ["location_id"] and errors[0]["detail"].startswith(
        f"there is no location {int(case.body['location_id'])};"
    )
