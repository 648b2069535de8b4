//! Settings: environment variables, all read at start, all faults told at once.

mod duration;
mod switch;

use std::{collections::BTreeSet, env, fmt, fs, str::FromStr};

pub use duration::Period;
pub use secrecy::{ExposeSecret, SecretString};
pub use switch::Switch;

/// Reads environment variables and keeps what is wrong with them until [`finish`](Reader::finish).
///
/// A variable that is set to nothing counts as unset: that is what `FOO=` in a `.env` or a task definition means.
pub struct Reader {
    lookup: Lookup,
    asked: BTreeSet<&'static str>,
    faults: Vec<Fault>,
}

/// Where the value of a variable comes from.
type Lookup = Box<dyn Fn(&str) -> Option<String>>;

/// What is wrong with one variable. The value is not in it: it may be a secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fault {
    /// The variable's name.
    pub variable: &'static str,
    /// What is wrong and what would be right.
    pub problem: String,
}

/// Everything that is wrong with the settings.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Invalid(pub Vec<Fault>);

impl fmt::Display for Invalid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "the settings are not usable:")?;
        for Fault { variable, problem } in &self.0 {
            write!(f, "\n  {variable}: {problem}")?;
        }
        write!(f, "\nEvery variable is described in .env.example.")
    }
}

impl Reader {
    /// Reads the environment of this process.
    #[must_use]
    pub fn from_env() -> Self {
        // A value that is not UTF-8 comes out mangled, so the variable's own parser refuses it by name.
        Self::new(|name| env::var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }

    /// Reads from `lookup`, for tests.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self { lookup: Box::new(lookup), asked: BTreeSet::new(), faults: Vec::new() }
    }

    /// The value of `name`, if it is set and valid.
    pub fn optional<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.asked.insert(name);
        let value = (self.lookup)(name).filter(|value| !value.is_empty())?;
        match value.parse() {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(name, problem.to_string());
                None
            }
        }
    }

    /// The value of `name`, or `default` where it is not set.
    pub fn or<T>(&mut self, name: &'static str, default: T) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.optional(name).unwrap_or(default)
    }

    /// The value of `name`, which has to be set; `meaning` tells the reader of the fault what to set it to.
    ///
    /// Where it is not, this is an empty stand-in that nobody gets to use: [`finish`](Self::finish) fails.
    pub fn required<T>(&mut self, name: &'static str, meaning: &str) -> T
    where
        T: FromStr<Err: fmt::Display> + Default,
    {
        let faults = self.faults.len();
        let value = self.optional(name);
        if value.is_none() && self.faults.len() == faults {
            self.fault(name, format!("not set; give it {meaning}"));
        }
        value.unwrap_or_default()
    }

    /// A secret: the value of `name`, or the content of the file that `file` names.
    ///
    /// ECS puts secrets into variables; Compose and Swarm mount files, which `docker inspect` does not show.
    pub fn secret(&mut self, name: &'static str, file: &'static str) -> Option<SecretString> {
        let value = self.optional::<String>(name);
        let Some(path) = self.optional::<String>(file) else {
            return value.map(SecretString::from);
        };
        if value.is_some() {
            self.fault(file, format!("{name} is set as well; set one of the two"));
            return None;
        }
        match fs::read_to_string(&path) {
            // Editors and `echo` end a file with a line break, which is not part of the secret.
            Ok(content) if !content.trim_end_matches(['\n', '\r']).is_empty() => {
                Some(content.trim_end_matches(['\n', '\r']).into())
            }
            Ok(_) => {
                self.fault(file, format!("{path} is empty; write the secret into it"));
                None
            }
            Err(problem) => {
                self.fault(file, format!("{path} cannot be read: {problem}"));
                None
            }
        }
    }

    /// A [`secret`](Self::secret) that has to be there; as with [`required`](Self::required), nobody gets to use the
    /// stand-in.
    pub fn required_secret(&mut self, name: &'static str, file: &'static str, meaning: &str) -> SecretString {
        let faults = self.faults.len();
        let secret = self.secret(name, file);
        if secret.is_none() && self.faults.len() == faults {
            self.fault(name, format!("not set; give it {meaning}"));
        }
        secret.unwrap_or_default()
    }

    /// Notes what is wrong with `variable` beyond its form.
    pub fn fault(&mut self, variable: &'static str, problem: impl Into<String>) {
        self.faults.push(Fault { variable, problem: problem.into() });
    }

    /// Everything that was wrong with what was read so far.
    pub fn finish(&mut self) -> Result<(), Invalid> {
        if self.faults.is_empty() { Ok(()) } else { Err(Invalid(std::mem::take(&mut self.faults))) }
    }

    /// The names of all variables that were asked for.
    #[must_use]
    pub fn asked(&self) -> &BTreeSet<&'static str> {
        &self.asked
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reader(variables: &'static [(&str, &str)]) -> Reader {
        Reader::new(|name| variables.iter().find(|(known, _)| *known == name).map(|(_, value)| (*value).to_owned()))
    }

    #[test]
    fn all_faults_are_told_at_once_and_each_names_its_variable() {
        let mut reader = reader(&[("PORT", "eighty"), ("DRAIN_DELAY", "soon")]);
        let _ = reader.required::<String>("DB_HOST", "the host name of the database");
        let _: u16 = reader.or("PORT", 8081);
        let _ = reader.optional::<Period>("DRAIN_DELAY");
        let told = reader.finish().expect_err("three faults").to_string();
        for expected in ["DB_HOST: not set; give it the host name", "PORT: ", "DRAIN_DELAY: "] {
            assert!(told.contains(expected), "{expected:?} is not in {told}");
        }
    }

    #[test]
    fn a_secret_comes_from_its_variable_or_from_a_file() {
        let file = env::temp_dir().join(format!("chassis-secret-{}", std::process::id()));
        let path: &'static str = file.to_string_lossy().into_owned().leak();
        let secret = |variables: Vec<(&'static str, &'static str)>| {
            let mut reader = reader(variables.leak());
            let secret = reader.secret("API_TOKEN", "API_TOKEN_FILE").map(|secret| secret.expose_secret().to_owned());
            (secret, reader.finish().map_err(|invalid| invalid.to_string()))
        };
        assert_eq!(secret(vec![]), (None, Ok(())));
        assert_eq!(secret(vec![("API_TOKEN", "hunter2")]), (Some("hunter2".into()), Ok(())));
        let refused = |variables, expected: &str| {
            let (secret, outcome) = secret(variables);
            let told = outcome.expect_err(expected);
            assert!(secret.is_none() && told.contains(expected) && !told.contains("hunter2"), "{told}");
        };
        refused(vec![("API_TOKEN_FILE", path)], "cannot be read");
        fs::write(&file, "\n").expect("written");
        refused(vec![("API_TOKEN_FILE", path)], "is empty");
        fs::write(&file, "hunter2\n").expect("written");
        refused(vec![("API_TOKEN_FILE", path), ("API_TOKEN", "hunter2")], "set one of the two");
        assert_eq!(secret(vec![("API_TOKEN_FILE", path)]), (Some("hunter2".into()), Ok(())));
        fs::remove_file(&file).expect("removed");
    }

    #[test]
    fn an_empty_variable_counts_as_unset() {
        let mut reader = reader(&[("API_TOKEN", "")]);
        assert_eq!(reader.optional::<String>("API_TOKEN"), None);
        assert_eq!(reader.finish(), Ok(()));
    }
}
