//! The sample data: 1,000 users, the same every time, living in the 1,000 largest places.

use chassis::seed::Progress;
use sqlx::{Connection as _, MySqlConnection, QueryBuilder};

/// GeoNames ids of the 1,000 most populous places of the location service's data set, one a line.
const HOMES: &str = include_str!("../data/homes.txt");

const FIRST_NAMES: [&str; 40] = [
    "Ada",
    "Aiko",
    "Alejandro",
    "Amara",
    "Anika",
    "Arjun",
    "Bao",
    "Beatriz",
    "Chidi",
    "Chiara",
    "Daniel",
    "Dilnoza",
    "Elif",
    "Emeka",
    "Fatima",
    "Freya",
    "Gustavo",
    "Hana",
    "Hassan",
    "Ingrid",
    "Ivan",
    "Jasmin",
    "Jin",
    "Kofi",
    "Laila",
    "Leila",
    "Lucas",
    "Mariam",
    "Mateo",
    "Mei",
    "Nadia",
    "Noor",
    "Olga",
    "Omar",
    "Priya",
    "Rafael",
    "Sofia",
    "Tariq",
    "Wanjiru",
    "Yusuf",
];

const LAST_NAMES: [&str; 25] = [
    "Abebe", "Bauer", "Chen", "Diaz", "Eriksson", "Fischer", "Garcia", "Hansen", "Ito", "Jensen", "Kim", "Kowalski",
    "Lopez", "Mbeki", "Nguyen", "Okafor", "Patel", "Quispe", "Rossi", "Sato", "Silva", "Tanaka", "Umarov", "Wang",
    "Yilmaz",
];

/// One sample user.
struct Sample {
    id: u64,
    username: String,
    display_name: String,
    email: String,
    location_id: u64,
}

/// Loads the sample users and says how many there are. Users that are there already, changed or not, stay as they are.
pub async fn load(connection: &mut MySqlConnection, progress: &Progress) -> sqlx::Result<u64> {
    let users = samples().map_err(|problem| sqlx::Error::Decode(problem.into()))?;
    let total = users.len() as u64;
    progress.begin(total);
    let mut transaction = connection.begin().await?;
    let mut statement = QueryBuilder::new("INSERT INTO users (id, username, display_name, email, location_id) ");
    statement.push_values(&users, |mut row, user| {
        row.push_bind(user.id)
            .push_bind(&user.username)
            .push_bind(&user.display_name)
            .push_bind(&user.email)
            .push_bind(user.location_id);
    });
    statement.push(" ON DUPLICATE KEY UPDATE id = users.id");
    statement.build().persistent(false).execute(&mut *transaction).await?;
    transaction.commit().await?;
    progress.advance(total);
    Ok(total)
}

/// Every first name with every last one, each pair in a place of its own.
fn samples() -> Result<Vec<Sample>, std::num::ParseIntError> {
    let names = LAST_NAMES.iter().flat_map(|last| FIRST_NAMES.iter().map(move |first| (first, last)));
    names
        .zip(HOMES.lines())
        .zip(1..)
        .map(|(((first, last), home), id)| {
            let username = format!("{first}.{last}").to_lowercase();
            Ok(Sample {
                id,
                email: format!("{username}@example.com"),
                username,
                display_name: format!("{first} {last}"),
                location_id: home.parse()?,
            })
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::model::Username;

    #[test]
    fn there_are_a_thousand_different_valid_users() {
        let users = samples().expect("readable");
        assert_eq!(users.len(), 1_000);
        let names: HashSet<_> = users.iter().map(|user| &user.username).collect();
        let homes: HashSet<_> = users.iter().map(|user| user.location_id).collect();
        assert_eq!((names.len(), homes.len()), (1_000, 1_000));
        assert!(users.iter().all(|user| user.username.parse::<Username>().is_ok()));
    }
}
