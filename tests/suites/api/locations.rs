//! Locations: created, read, listed, replaced, deleted.

use harness::{Seeded, location, oslo, with};
use http::Method;
use serde_json::{Value, json};
use url::form_urlencoded;

#[tokio::test]
async fn a_created_location_is_found_replaced_and_deleted() {
    let service = location(Seeded::No).await;
    let client = &service.client;

    let created = client.post("/locations", &oslo()).await.expect(201);
    let (path, place) = (created.header("location").to_owned(), created.json());
    let id = place["id"].as_u64().unwrap();
    assert!(id >= 1_000_000_000, "ids given here are apart from those of GeoNames: {id}");
    assert_eq!(path, format!("/locations/{id}"));
    assert_eq!(place, with(oslo(), "id", id));
    assert_eq!(created.header("etag"), "\"1\"");

    let found = client.get(&path).await.expect(200);
    assert_eq!((found.json(), found.header("etag")), (place, "\"1\""));

    let changed = client.put(&path, None, &with(oslo(), "population", 1)).await.expect(200);
    assert_eq!((changed.json()["population"].as_u64(), changed.header("etag")), (Some(1), "\"2\""));
    assert_eq!(client.get(&path).await.json(), changed.json());

    client.delete(&path, None).await.expect(204);
    client.get(&path).await.expect_problem(404, "not-found");
    client.put(&path, None, &oslo()).await.expect_problem(404, "not-found");
    client.delete(&path, None).await.expect_problem(404, "not-found");
}

#[tokio::test]
async fn names_in_any_script_come_back_as_they_were_sent() {
    let service = location(Seeded::No).await;
    for name in [
        "São Paulo",
        "京都市",
        "القاهرة",
        "ירושלים",
        "🏔️ Zermatt 🎿",
        "e\u{301}",
        " two  spaces ",
        "O'Hare \"x\" <b>\\%_",
    ] {
        let created = service.client.post("/locations", &with(oslo(), "name", name)).await.expect(201);
        let found = service.client.get(created.header("location")).await.expect(200);
        assert_eq!(found.json()["name"], name);
    }
}

#[tokio::test]
async fn a_whole_number_may_be_written_as_a_fraction() {
    let service = location(Seeded::No).await;
    let created = service.client.post("/locations", &with(oslo(), "population", 63.0)).await.expect(201);
    assert_eq!(created.json()["population"], 63);
}

#[tokio::test]
async fn pages_follow_one_another_without_gap_or_repetition() {
    let service = location(Seeded::Yes).await;
    let (mut path, mut ids, mut pages) = ("/locations?country=NO&limit=10".to_owned(), Vec::new(), 0);
    loop {
        let page = service.client.get(&path).await.expect(200);
        let link = page.header("link").to_owned();
        let page = page.json();
        for place in page["items"].as_array().unwrap() {
            assert_eq!(place["country"], "NO");
            ids.push(place["id"].as_u64().unwrap());
        }
        pages += 1;
        let Some(next) = page["next"].as_str() else {
            assert_eq!(link, "");
            break;
        };
        assert_eq!(link, format!("<{next}>; rel=\"next\""));
        path = next.to_owned();
    }
    assert!(pages > 1);
    assert!(ids.is_sorted_by(|a, b| a < b), "ids rise from page to page");
    let expected = count(&service.database, "country = 'NO'").await;
    assert_eq!(ids.len(), expected);
}

/// Each prefix, and the names that it finds: the same for the composed and the decomposed form, as names are kept in
/// either.
#[tokio::test]
async fn a_prefix_finds_the_same_places_however_it_is_spelled() {
    const SAO: &[&str] = &["S\u{e3}o", "Sa\u{303}o"];
    const GROSS: &[&str] = &["Gro\u{df}", "Gross"];
    const SHORT_I: &[&str] = &["\u{439}", "\u{438}\u{306}"];
    const SEOUL: &[&str] = &["\u{c11c}\u{c6b8}", "\u{1109}\u{1165}\u{110b}\u{116e}\u{11af}"];
    const AERO: &[&str] = &["\u{c6}r\u{f8}", "Aero"];
    const SIGMA: &[&str] = &["\u{3c3}\u{3c2}", "\u{3a3}\u{3a3}"];
    const TOKYO: &[&str] = &["\u{3068}\u{3046}", "\u{30c8}\u{30a6}"];
    const ISTANBUL: &[&str] = &["\u{130}st", "Ist"];
    let service = location(Seeded::No).await;
    let groups = [SAO, GROSS, SHORT_I, SEOUL, AERO, SIGMA, TOKYO, ISTANBUL];
    let others = ["\u{131}st", "\u{1f600}", "100%", "a_b", "axb", r"a\b", &"x".repeat(200)];
    for name in groups.iter().flat_map(|names| names.iter()).chain(&others) {
        service.client.post("/locations", &with(oslo(), "name", *name)).await.expect(201);
    }
    let found = async |prefix: &str| -> Vec<String> {
        let query = form_urlencoded::Serializer::new(String::new()).append_pair("q", prefix).finish();
        let page = service.client.get(&format!("/locations?{query}&country=NO")).await.expect(200).json();
        let all = service.client.get(&format!("/locations?{query}")).await.expect(200).json();
        assert_eq!(page, all, "{prefix}: with and without a country");
        page["items"].as_array().unwrap().iter().map(|place| place["name"].as_str().unwrap().to_owned()).collect()
    };
    for names in groups {
        for name in names {
            assert_eq!(found(name).await, names, "{name}");
            assert_eq!(found(&name.to_lowercase()).await, names, "{name} in lower case");
        }
    }
    // What the collation takes for different letters, and what is no wildcard.
    for name in others {
        assert_eq!(found(name).await, [name]);
    }
}

#[tokio::test]
async fn a_prefix_is_found_whatever_its_case_and_accents_and_has_no_wildcards() {
    let service = location(Seeded::Yes).await;
    let names = async |query: &str| -> Vec<String> {
        let page = service.client.get(&format!("/locations?limit=200&{query}")).await.expect(200).json();
        page["items"].as_array().unwrap().iter().map(|place| place["name"].as_str().unwrap().to_owned()).collect()
    };
    assert!(names("q=sao%20paulo&country=BR").await.contains(&"São Paulo".to_owned()));
    assert!(names("q=OSL&country=NO").await.contains(&"Oslo".to_owned()));
    assert_eq!(names("q=%25").await, Vec::<String>::new());
    assert_eq!(names("q=_slo").await, Vec::<String>::new());
    assert_eq!(names("q=&country=").await.len(), 200, "what is left empty does not filter");
    let page = service.client.get("/locations?q=s%26o%20p%C3%A3&limit=1").await.expect(200).json();
    assert_eq!(page, json!({"items": [], "next": null}));
    let page = service.client.get("/locations?q=San%20&limit=1").await.expect(200).json();
    let next = service.client.get(page["next"].as_str().unwrap()).await.expect(200).json();
    assert!(next["items"][0]["name"].as_str().unwrap().starts_with("San "), "the filter goes along: {next}");
}

#[tokio::test]
async fn a_browser_gets_the_table_with_a_map_and_a_program_gets_json() {
    let service = location(Seeded::No).await;
    service.client.post("/locations", &with(oslo(), "name", "<script>alert(1)</script>")).await.expect(201);
    let accepting = async |accept: &str| {
        harness::send(service.client.request(Method::GET, "/locations").header("accept", accept)).await.expect(200)
    };
    let page = accepting("text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.body.contains("<svg") && page.body.contains("<path class=\"here"), "{}", page.body);
    assert!(!page.body.contains("<script>"), "names are escaped: {}", page.body);
    assert!(page.header("content-security-policy").starts_with("default-src 'none'"));
    for accept in ["application/json", "*/*", "application/json, text/html;q=0.5"] {
        let page = accepting(accept).await;
        assert_eq!((page.header("content-type"), page.header("vary")), ("application/json", "accept"));
    }
    let rows: Value = service.client.get("/locations").await.json();
    assert_eq!(rows["items"].as_array().unwrap().len(), 1);
}

async fn count(database: &harness::Database, condition: &'static str) -> usize {
    let statement = sqlx::AssertSqlSafe(format!("SELECT COUNT(*) FROM locations WHERE {condition}"));
    let rows: i64 = sqlx::query_scalar(statement).fetch_one(&mut database.connect().await).await.unwrap();
    usize::try_from(rows).unwrap()
}

#[tokio::test]
async fn the_table_has_all_rows_in_order_and_nothing_unescaped() {
    let service = location(Seeded::Yes).await;
    let name = "<script>alert('&')</script>";
    service.client.post("/locations", &with(oslo(), "name", name)).await.expect(201);
    let page = service.client.get("/locations/table").await.expect(200);
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    assert!(page.header("content-security-policy").contains("default-src 'none'"));
    assert!(page.body.starts_with("<!doctype html>") && page.body.trim_end().ends_with("</html>"));
    let rows: Vec<&str> = page.body.lines().filter_map(|line| line.strip_prefix("<tr><td>")).collect();
    let ids: Vec<u64> = rows.iter().map(|row| row.split_once('<').unwrap().0.parse().unwrap()).collect();
    let mut connection = service.database.connect().await;
    let expected: Vec<u64> =
        sqlx::query_scalar("SELECT id FROM locations ORDER BY id").fetch_all(&mut connection).await.unwrap();
    assert!(expected.len() > 30_000);
    assert_eq!(ids, expected);
    let oslo = "3143244</td><td>Oslo</td><td>NO</td><td>12</td><td>59.91273</td><td>10.74609</td><td>";
    assert!(rows.iter().any(|row| row.starts_with(oslo)));
    assert!(!page.body.contains("<script>"));
    assert!(rows.last().unwrap().contains("<td>&#60;script&#62;alert(&#39;&#38;&#39;)&#60;/script&#62;</td>"));
}

#[tokio::test]
async fn several_places_come_in_the_order_of_their_ids_and_those_that_are_not_there_do_not() {
    let service = location(Seeded::Yes).await;
    let found = service.client.get("/locations/batch?ids=3143244,7,1796236,3143244").await.expect(200).json();
    let names: Vec<_> = found["items"].as_array().unwrap().iter().map(|place| place["name"].clone()).collect();
    assert_eq!(names, ["Shanghai", "Oslo"]);
    let all: Vec<String> = service.client.get("/locations?limit=200").await.json()["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|place| place["id"].to_string())
        .collect();
    let found = service.client.get(&format!("/locations/batch?ids={}", all.join(","))).await.expect(200).json();
    assert_eq!(found["items"].as_array().unwrap().len(), 200);
    for query in ["", "?ids=", "?ids=0", "?ids=1,", "?ids=x", "?ids=1&limit=1", &format!("?ids={},1", all.join(","))] {
        service.client.get(&format!("/locations/batch{query}")).await.expect_problem(400, "malformed");
    }
    harness::send(service.client.authorized(Method::PUT, "/locations/batch")).await.expect(405);
}
