//! Nearest places, against all places measured one by one.

use futures_util::future::join_all;
use harness::{Seeded, location, oslo, with};
use location::geography::Coordinates;
use serde_json::Value;
use sqlx::QueryBuilder;

/// A place as the data set has it: id and coordinates.
type Place = (u64, Coordinates);

#[tokio::test]
async fn nearest_places_are_the_nearest_everywhere_on_earth() {
    let service = location(Seeded::Yes).await;
    let places = all_places(&service.database).await;
    let points = [
        ("Oslo", 59.91, 10.75),
        ("the north pole", 90.0, 0.0),
        ("near the north pole", 89.99, -135.0),
        ("the south pole", -90.0, 45.0),
        ("west of the antimeridian", -16.8, 179.99),
        ("the antimeridian itself", 52.0, 180.0),
        ("its other name", 52.0, -180.0),
        ("east of the antimeridian", -13.8, -179.5),
        ("the middle of the Pacific", -48.9, -123.4),
        ("the Gulf of Guinea", 0.0, 0.0),
        ("off Tokyo, where it is dense on one side", 34.5, 141.5),
        ("the Ganges plain, where it is dense all round", 25.6, 85.1),
    ];
    for (name, latitude, longitude) in points {
        for limit in [1, 5, 200] {
            let path = format!("/locations/nearest?lat={latitude}&lon={longitude}&limit={limit}");
            let answer = service.client.get(&path).await.expect(200).json();
            assert_nearest(&places, Coordinates::from_degrees(latitude, longitude).unwrap(), limit, &answer, name);
        }
    }
}

#[tokio::test]
async fn with_few_places_all_of_them_are_near() {
    let service = location(Seeded::No).await;
    let none = service.client.get("/locations/nearest?lat=0&lon=0").await.expect(200).json();
    assert_eq!(none["items"].as_array().unwrap().len(), 0);
    for (latitude, longitude) in [(-90, 0), (0, 180), (90, 0)] {
        let place = with(with(oslo(), "latitude", latitude), "longitude", longitude);
        service.client.post("/locations", &place).await.expect(201);
    }
    let all = service.client.get("/locations/nearest?lat=80&lon=0&limit=10").await.expect(200).json();
    let latitudes: Vec<_> = all["items"].as_array().unwrap().iter().map(|place| place["latitude"].as_f64()).collect();
    assert_eq!(latitudes, [Some(90.0), Some(0.0), Some(-90.0)]);
}

#[tokio::test]
async fn a_place_that_moves_is_found_where_it_is_now() {
    let service = location(Seeded::No).await;
    let created = service.client.post("/locations", &oslo()).await.expect(201);
    let moved = with(with(oslo(), "latitude", -33.9), "longitude", 18.4);
    service.client.put(created.header("location"), None, &moved).await.expect(200);
    let near = service.client.get("/locations/nearest?lat=-33.9&lon=18.4").await.expect(200).json();
    assert!(near["items"][0]["distance_m"].as_f64().unwrap() < 1.0, "{near}");
}

#[tokio::test]
async fn searches_that_come_together_find_each_what_is_near_to_it() {
    let service = location(Seeded::Yes).await;
    let places = all_places(&service.database).await;
    // Some of them look at the same cells.
    let points: Vec<_> = (0..60_u32).map(|n| (45.0 + f64::from(n % 20) / 4.0, 5.0 + f64::from(n % 7) / 50.0)).collect();
    let answers = join_all(points.iter().map(|(latitude, longitude)| {
        let path = format!("/locations/nearest?lat={latitude}&lon={longitude}&limit=5");
        let client = &service.client;
        async move { client.get(&path).await.expect(200).json() }
    }));
    for ((latitude, longitude), answer) in points.iter().zip(answers.await) {
        let point = Coordinates::from_degrees(*latitude, *longitude).unwrap();
        assert_nearest(&places, point, 5, &answer, &format!("{latitude}, {longitude}"));
    }
}

#[tokio::test]
async fn among_more_places_than_are_read_together_the_nearest_are_found() {
    let service = location(Seeded::No).await;
    let (count, step) = (5_000_u32, 1e-7);
    let mut insert = QueryBuilder::new(
        "INSERT INTO locations (id, name, country, latitude, longitude, population, timezone, cell) ",
    );
    insert.push_values(1..=count, |mut row, id| {
        let (latitude, longitude) = (10.0 + f64::from(id) * step, 20.0);
        let cell = Coordinates::from_degrees(latitude, longitude).unwrap().stored_cell();
        row.push_bind(id).push("'A house'").push("'TD'").push_bind(latitude).push_bind(longitude);
        row.push("0").push("'Africa/Ndjamena'").push_bind(cell);
    });
    insert.build().execute(&mut service.database.connect().await).await.unwrap();
    // Two that look at the same cells, and one that looks far around; the next ones begin as large as that one ended.
    for _ in 0..4 {
        let (low, high, elsewhere) = tokio::join!(
            service.client.get("/locations/nearest?lat=10&lon=20&limit=3"),
            service.client.get("/locations/nearest?lat=10.1&lon=20&limit=2"),
            service.client.get("/locations/nearest?lat=-10&lon=20&limit=1"),
        );
        let last = u64::from(count);
        for (answer, expected) in [(low, vec![1, 2, 3]), (high, vec![last, last - 1]), (elsewhere, vec![1])] {
            let answer = answer.expect(200).json();
            let places = answer["items"].as_array().unwrap();
            let ids: Vec<_> = places.iter().filter_map(|place| place["id"].as_u64()).collect();
            assert_eq!(ids, expected);
        }
    }
}

fn assert_nearest(places: &[Place], point: Coordinates, limit: usize, answer: &Value, name: &str) {
    let mut expected: Vec<(f64, u64)> = places.iter().map(|(id, place)| (point.distance_m(*place), *id)).collect();
    expected.sort_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let items = answer["items"].as_array().unwrap();
    assert_eq!(items.len(), limit, "{name}");
    for (item, (distance, id)) in items.iter().zip(expected) {
        let told = item["distance_m"].as_f64().unwrap();
        assert!((told - distance).abs() < 0.01, "{name}: {told} m to {}, but {id} is {distance} m away", item["id"]);
    }
}

async fn all_places(database: &harness::Database) -> Vec<Place> {
    let rows: Vec<(u64, f64, f64)> = sqlx::query_as("SELECT id, latitude, longitude FROM locations")
        .fetch_all(&mut database.connect().await)
        .await
        .unwrap();
    assert_eq!(rows.len(), 33_961);
    rows.into_iter()
        .map(|(id, latitude, longitude)| (id, Coordinates::from_degrees(latitude, longitude).unwrap()))
        .collect()
}
