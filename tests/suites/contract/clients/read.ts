// Reads every kind of answer with the types that openapi-typescript made: `read.js LOCATION_URL USER_URL TOKEN`. That the
// fields are there, and of these types, the compiler says; that the services send them, this does.
import createClient from "openapi-fetch";
import type { paths as LocationPaths } from "./location.js";
import type { paths as UserPaths } from "./user.js";

declare const process: { argv: string[] };
const [locationUrl, userUrl, token] = process.argv.slice(2) as [string, string, string];
const oslo = 3143244;

function equal<T>(found: T, expected: T): void {
  const [left, right] = [JSON.stringify(found), JSON.stringify(expected)];
  if (left !== right) throw new Error(`${left} is not ${right}`);
}

const headers = { authorization: `Bearer ${token}` };
// Not the pages for people, which some paths have as well.
type Media = `application/${string}`;
const reader = createClient<LocationPaths, Media>({ baseUrl: locationUrl });
const writer = createClient<LocationPaths, Media>({ baseUrl: locationUrl, headers });
const byId = "/locations/{id}";

const one = await reader.GET(byId, { params: { path: { id: oslo } } });
equal(one.data?.name, "Oslo");
const none = await reader.GET(byId, { params: { path: { id: 7 } } });
equal([none.error?.type, none.error?.status], ["urn:problem-type:not-found", 404]);
const page = await reader.GET("/locations", { params: { query: { country: "NO", limit: 2 } } });
equal(page.data?.items.map((place) => place.country), ["NO", "NO"]);
const batch = await reader.GET("/locations/batch", { params: { query: { ids: `${oslo},7` } } });
equal(batch.data?.items.map((place) => place.id), [oslo]);
const near = await reader.GET("/locations/nearest", { params: { query: { lat: 59.9, lon: 10.7, limit: 1 } } });
equal(near.data?.items[0]?.name, "Oslo");
equal((await reader.GET("/health")).data?.checks.database.status, "pass");

const body = { country: "NO", latitude: 59.9, longitude: 10.7, name: "Typed", population: 1, timezone: "Europe/Oslo" };
const made = await writer.POST("/locations", { body });
const id = made.data?.id ?? 0;
equal([made.response.status, made.response.headers.get("location")], [201, `/locations/${id}`]);
const ifMatch = { path: { id }, header: { "if-match": '"99"' } };
equal((await writer.PUT(byId, { params: ifMatch, body })).error?.status, 412);
const wrong = await writer.PUT(byId, { params: { path: { id } }, body: { ...body, country: "no" } });
equal(wrong.error?.errors?.map((error) => error.field), ["country"]);
equal((await reader.DELETE(byId, { params: { path: { id } } })).error?.status, 401);
equal((await writer.DELETE(byId, { params: { path: { id } } })).response.status, 204);

const users = createClient<UserPaths, Media>({ baseUrl: userUrl, headers });
const user = { display_name: "Ada Hansen", email: "typed@example.com", username: "typed", location_id: oslo };
const ada = await users.POST("/users", { body: user });
const at = { path: { id: ada.data?.id ?? 0 }, query: { include: "location" as const } };
equal((await users.GET("/users/{id}", { params: at })).data?.location?.name, "Oslo");
equal((await users.POST("/users", { body: user })).error?.status, 409);
console.log("every answer was read");
