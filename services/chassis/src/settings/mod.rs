//! Settings: environment variables, all read at start, all faults reported at once, and no value repeated.

mod base_url;
mod duration;
mod host;
mod number;
mod secret;
mod switch;

use std::{collections::BTreeSet, env, ffi::OsString, fmt, ops::RangeInclusive, str::FromStr};

pub use base_url::{Form, base_url};
pub use duration::Period;
pub use host::Host;
pub use number::{Count, Port};
pub use secrecy::{ExposeSecret, SecretString};
pub use switch::Switch;

/// Reads environment variables and keeps what is wrong with them until [`finish`](Reader::finish).
///
/// A variable that is set to nothing counts as unset: that is what `FOO=` in a `.env` or a task definition means. White
/// space around a value is left out, except for secrets.
pub struct Reader {
    lookup: Lookup,
    asked: BTreeSet<&'static str>,
    faults: Vec<Fault>,
    warnings: Vec<Fault>,
}

/// Where the value of a variable comes from.
type Lookup = Box<dyn Fn(&str) -> Option<OsString>>;

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
        Self::looking_up(|name| env::var_os(name))
    }

    /// Reads from `lookup`, for tests.
    pub fn new(lookup: impl Fn(&str) -> Option<String> + 'static) -> Self {
        Self::looking_up(move |name| lookup(name).map(OsString::from))
    }

    fn looking_up(lookup: impl Fn(&str) -> Option<OsString> + 'static) -> Self {
        Self { lookup: Box::new(lookup), asked: BTreeSet::new(), faults: Vec::new(), warnings: Vec::new() }
    }

    /// The text of `name`, if it is set.
    fn text(&mut self, name: &'static str) -> Option<String> {
        self.asked.insert(name);
        let Ok(text) = (self.lookup)(name)?.into_string() else {
            self.fault(name, "has bytes that are not UTF-8");
            return None;
        };
        (!text.is_empty()).then_some(text)
    }

    /// The value of `name`, if it is set and valid. The errors of `T` must not repeat the text: it may be a secret.
    pub fn optional<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.text(name)?;
        let text = text.trim();
        if text.is_empty() {
            return None;
        }
        match text.parse() {
            Ok(value) => Some(value),
            Err(problem) => {
                self.fault(name, problem.to_string());
                None
            }
        }
    }

    /// The value of `name`, if it is set and valid. One that is not valid is ignored, with a warning.
    pub fn lenient<T>(&mut self, name: &'static str) -> Option<T>
    where
        T: FromStr<Err: fmt::Display>,
    {
        let text = self.optional::<String>(name)?;
        text.parse().map_err(|problem| self.warn(name, format!("ignored, as it is {problem}"))).ok()
    }

    /// Notes a variable of which the value does not matter now.
    pub fn leave_out(&mut self, name: &'static str) {
        self.asked.insert(name);
    }

    /// The value of `name`, or `default` where it is not set.
    pub fn or<T>(&mut self, name: &'static str, default: T) -> T
    where
        T: FromStr<Err: fmt::Display>,
    {
        self.optional(name).unwrap_or(default)
    }

    /// The value of `name`, or `default` where it is not set. One outside of `bounds` is a fault; `reason` says why.
    pub fn within<T>(&mut self, name: &'static str, default: T, bounds: RangeInclusive<T>, reason: &str) -> T
    where
        T: FromStr<Err: fmt::Display> + fmt::Display + PartialOrd,
    {
        let value = self.or(name, default);
        if !bounds.contains(&value) {
            self.fault(name, format!("has to be from {} to {}: {reason}", bounds.start(), bounds.end()));
        }
        value
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

    /// A secret: the value of `name`, or the content of the file that `file` names, without a line end at its end.
    ///
    /// ECS puts secrets into variables; Compose and Swarm mount files, which `docker inspect` does not show.
    pub fn secret(&mut self, name: &'static str, file: &'static str) -> Option<SecretString> {
        let faults = self.faults.len();
        let value = self.text(name);
        let path = self.optional::<String>(file);
        if self.faults.len() > faults {
            return None;
        }
        let (variable, text) = match (value, path) {
            (Some(_), Some(_)) => {
                self.fault(file, format!("{name} is set as well; set one of the two"));
                return None;
            }
            (value, None) => (name, value?),
            (None, Some(path)) => match secret::read(&path) {
                Ok(text) if secret::without_line_end(&text).is_empty() => {
                    self.fault(file, "the file that it names is empty; write the secret into it");
                    return None;
                }
                Ok(text) => (file, text),
                Err(problem) => {
                    self.fault(file, problem);
                    return None;
                }
            },
        };
        let secret = secret::without_line_end(&text);
        if let Some(problem) = secret::fault(secret) {
            self.fault(variable, problem);
            return None;
        }
        if let Some(hint) = secret::hint(secret, variable) {
            self.warn(variable, hint);
        }
        (!secret.is_empty()).then(|| secret.into())
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

    /// Which of the two variables of a [`secret`](Self::secret) is set, for faults.
    #[must_use]
    pub fn source_of_secret(&self, name: &'static str, file: &'static str) -> &'static str {
        if (self.lookup)(file).is_some_and(|path| !path.is_empty()) { file } else { name }
    }

    /// Notes what is wrong with `variable` beyond its form.
    pub fn fault(&mut self, variable: &'static str, problem: impl Into<String>) {
        self.faults.push(Fault { variable, problem: problem.into() });
    }

    /// Notes what is to be said about `variable` in the log, though the process starts with it.
    pub fn warn(&mut self, variable: &'static str, problem: impl Into<String>) {
        self.warnings.push(Fault { variable, problem: problem.into() });
    }

    /// Takes what was noted by [`warn`](Self::warn), for the log.
    pub fn warnings(&mut self) -> Vec<Fault> {
        std::mem::take(&mut self.warnings)
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
mod tests;
